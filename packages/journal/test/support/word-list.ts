// The addon of examples/native-region, compiled for the tests: it keeps a linked list with raw pointers in a native region.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

export interface WordList {
  insert(region: object, word: string): void;
  words(region: object): string[];
  address(region: object): bigint;
  occupy(address: bigint): boolean;
}

/** Compiles it into `folder` and returns the path of the result. */
export function buildWordList(folder: string): string {
  const result = join(folder, 'word_list.node');
  const include = join(dirname(dirname(process.execPath)), 'include/node');
  execFileSync('g++', [
    ...['-std=c++17', '-O1', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=word_list'],
    ...(existsSync(include) ? [`-I${include}`] : []),
    ...[
      `-I${root}/packages/shm-store/native/include`,
      `${root}/examples/native-region/native/word-list.cc`,
      '-o',
      result,
    ],
  ]);
  return result;
}

export function loadWordList(path: string): WordList {
  return createRequire(import.meta.url)(path) as WordList;
}
