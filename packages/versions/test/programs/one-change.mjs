// Makes one change to the registry and stops for ever at the call to the file system that it is told, announcing it, so that the
// parent kills it exactly there. Without a stop it announces how many there are.
//
//   one-change.mjs <directory> <change> <stop, or -1> <plant: none | write-in-place>

import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { nodeFileSystem, openRegistry } from '@mofo/versions';

const [directory, change, stopText, plant] = process.argv.slice(2);
const stop = Number(stopText);
let step = 0;

function announce(name) {
  step += 1;
  if (step !== stop) return;
  writeSync(1, `at ${step} ${name}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Announces each call before it is made; a write is also stopped half-way. */
function announcing(fileSystem) {
  const wrapped = {};
  for (const [name, call] of Object.entries(fileSystem)) {
    wrapped[name] = (...args) => {
      announce(name);
      return call(...args);
    };
  }
  wrapped.write = (descriptor, bytes) => {
    const half = bytes.byteLength >> 1;
    announce('write');
    fileSystem.write(descriptor, bytes.subarray(0, half));
    announce('write, half done');
    fileSystem.write(descriptor, bytes.subarray(half));
  };
  return wrapped;
}

/** The planted bug: the record is overwritten where it lies instead of being replaced. */
function writingInPlace(fileSystem) {
  return {
    ...fileSystem,
    rename(from, to) {
      if (!to.endsWith('record.jsonl')) return fileSystem.rename(from, to);
      const bytes = readFileSync(from);
      const descriptor = openSync(to, 'r+');
      writeSync(descriptor, bytes, 0, bytes.byteLength >> 1);
      announce('rename, half done');
      writeSync(descriptor, bytes, bytes.byteLength >> 1, bytes.byteLength - (bytes.byteLength >> 1));
      closeSync(descriptor);
      unlinkSync(from);
    },
  };
}

const fileSystem = announcing(plant === 'write-in-place' ? writingInPlace(nodeFileSystem) : nodeFileSystem);
const registry = openRegistry({ directory, fileSystem });
const version = registry.list('fees').at(-1);
const changes = {
  add: () => registry.add('fees', { bundle: 'new bundle', source: 'fees.ts' }),
  spendTry: () => registry.spendTry(version),
  markStable: () => registry.markStable(version),
  quarantine: () => registry.quarantine(version, 'SIGSEGV in task fees.collect #8812'),
  quarantineInBackground: () => registry.quarantineInBackground(version, 'SIGSEGV in task fees.collect #8812'),
  prune: () => registry.prune('fees', { keep: 0 }),
};
step = 0; // opening is not part of the change
await changes[change]();
writeSync(1, `done ${step}\n`);
