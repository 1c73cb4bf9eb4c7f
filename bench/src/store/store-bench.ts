// The bench `store`: the journalled tree in shared memory beside what else a Node program could pick. Wall time per operation.

import { atLeast, atMost, fasterThan, withinTimes } from '../framework/aims.ts';
import type { Aim, Bench } from '../framework/bench.ts';
import { installPackages, isPackageInstalled } from '../peers/extra-packages.ts';
import { findRedisServer, unpackRedisServer } from '../peers/redis-server.ts';
import { batchGroup } from './batch-group.ts';
import { commitGroup } from './commit-group.ts';
import type { KeyKind, ValueKind } from './data.ts';
import { journalOverheadGroup } from './journal-overhead-group.ts';
import { openGroup } from './open-group.ts';
import { besideWriterGroup, twoReadersGroup } from './readers-groups.ts';
import { missingSubject } from './subjects.ts';
import { updateFieldGroup } from './update-field-group.ts';

/** Combinations that say something. */
const COMBINATIONS: readonly (readonly [KeyKind, ValueKind])[] = [
  ['int-random', 'number'],
  ['int-random', 'record5'],
  ['int-random', 'bytes100'],
  ['int-sequential', 'number'],
  ['string20', 'number'],
  ['string20', 'record5'],
];

/** The others: what their keys and values cost is known from these, and a run takes long enough. */
const ON_DEMAND: readonly (readonly [KeyKind, ValueKind])[] = [
  ['int-sequential', 'record5'],
  ['int-sequential', 'bytes100'],
  ['string20', 'bytes100'],
];

const INT = 'int-random.number';
const TEXT = 'string20.number';

/** What part 2 of the road map promises, as ratios of medians in one run. */
const AIMS: readonly Aim[] = [
  withinTimes(`add.batch1000.${INT}`, 'map', 1),
  fasterThan(`add.batch1000.${INT}`, 'lmdb', 10),
  fasterThan(`add.commit.${INT}`, 'lmdb', 25),
  fasterThan(`mix.batch1000.${INT}`, 'lmdb', 8),
  fasterThan(`get.${INT}`, 'lmdb', 4),
  withinTimes(`get.${INT}`, 'map', 0.8),
  fasterThan(`add.batch1000.${TEXT}`, 'lmdb', 5),
  fasterThan(`add.commit.${TEXT}`, 'lmdb', 15),
  fasterThan(`get.${TEXT}`, 'lmdb', 2.5),
  atMost(`scan.${INT}`, 60),
  fasterThan('update-field.record5', 'lmdb', 20),
  atMost(`journal-overhead.batch1000.${INT}`, 150),
  withinTimes(`get-beside-writer.${INT}`, 'mofo', 3, `get-alone.${INT}`),
  atLeast(`get-two-readers.${INT}`, 1.7),
  atMost('open.8gib', 5),
  atMost(`memory.${INT}`, 40),
];

/** Measures the store. */
export const storeBench: Bench = {
  name: 'store',
  summary: 'journalled tree in shared memory beside lmdb, better-sqlite3, Redis and Map, ns per operation',
  rounds: { full: 5, quick: 1 },
  limitMs: 300_000,
  quickTogether: true,
  inMemory: true,
  groups: [
    ...COMBINATIONS.map(([keys, values]) => batchGroup(keys, values, false)),
    ...ON_DEMAND.map(([keys, values]) => batchGroup(keys, values, true)),
    ...COMBINATIONS.map(([keys, values]) => commitGroup(keys, values, false)),
    ...ON_DEMAND.map(([keys, values]) => commitGroup(keys, values, true)),
    updateFieldGroup(),
    besideWriterGroup(),
    twoReadersGroup(),
    journalOverheadGroup(),
    openGroup(),
  ],
  aims: AIMS,
  prepare: async (onProgress) => {
    // What cannot be installed is skipped, and the reason stands above.
    if (!['better-sqlite3', '@redis/client'].every(isPackageInstalled))
      complain(onProgress, await installPackages(onProgress));
    if (findRedisServer() === undefined) complain(onProgress, await unpackRedisServer(onProgress));
  },
  missing: missingSubject,
};

function complain(onProgress: (line: string) => void, problem: string | undefined): void {
  if (problem !== undefined) onProgress(`NOT INSTALLED: ${problem}`);
}
