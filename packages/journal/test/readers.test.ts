// What a reader sees of writers in other processes (R14): committing all the time, killed in the middle of a playback, stopped there; and that no addition
// of two processes is lost (R13).

import { readFileSync } from 'node:fs';
import { CONTROL_SEQUENCE, f64 } from '@mofo/shm-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { destroyStore } from '../src/index.ts';
import type { ImageIndex } from '../src/redo/image-index.ts';
import type { RedoDoor } from '../src/redo/redo-door.ts';
import { openStore, type Store } from '../src/store.ts';
import { ChildProgram } from './support/child-program.ts';

const roots = { left: counter(), right: counter(), even: counter(), odd: counter(), values: list(f64()) };
/** Values of the list where a playback must last long enough to be met: some milliseconds. */
const LONG = 400_000;
const SPIN_LIMIT_MS = 60_000;
/** How long the event loop stands still for it. */
const SPIN_MS = 100;

let count = 0;
let name: string;
let store: Store<typeof roots>;
const children: ChildProgram[] = [];

beforeEach(() => {
  name = `test-${process.pid}-readers-${count++}`;
  store = openStore({ name, sizeBytes: 64 * 2 ** 20, root: roots });
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  store.close();
  destroyStore(name, { force: true });
});

describe('a reader beside a writer of another process', { timeout: 180_000 }, () => {
  test('that commits all the time sees every transaction whole, in 20,000 reads', async () => {
    await start('twins.mjs', 100);
    const seen = new Set<number>();
    for (let k = 0; k < 20_000; k++) {
      const twins = readTwins();
      if (new Set(twins).size !== 1) expect(twins).toEqual([twins[0], twins[0], twins[0], twins[0]]);
      seen.add(twins[0] as number);
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  test('planted bug: a reader that does not look at the sequence is caught', async () => {
    await start('twins.mjs', LONG / 10);
    Object.assign(store.memory.door, { beginRead: () => 0, endRead: () => true });
    const limit = performance.now() + SPIN_LIMIT_MS;
    let torn = false;
    while (!torn && performance.now() < limit) torn = new Set(readTwins()).size !== 1;
    expect(torn).toBe(true);
  });

  test('that was killed in the middle of its playback completes it, three times', async () => {
    let met = 0;
    for (let attempt = 0; met < 3 && attempt < 60; attempt++) {
      const writer = await start('twins.mjs', LONG);
      await meetPlayback(writer);
      await writer.kill();
      if (sequence() % 2 === 0) continue;
      met++;
      const before = sequence();
      const twins = readTwins();
      expect(twins).toEqual([twins[0], twins[0], twins[0], twins[0]]);
      expect(sequence()).toBe(before + 1);
      expect(new Set(store.root.values.toArray())).toEqual(new Set([twins[0]]));
      expect(readTwins()).toEqual(twins);
    }
    expect(met).toBe(3);
  });

  test('that is stopped in the middle of its playback is read through: at once, whole, and as after its commit; killed then, completed', async () => {
    const writer = await start('twins.mjs', LONG);
    let odd = 0;
    let twins: unknown[] = [];
    for (let stop = 0; stop < 4; stop++) {
      if (stop > 0) writer.process.kill('SIGCONT');
      await stopInPlayback(writer, odd);
      odd = sequence();
      const startMs = performance.now();
      const before = twins[0] ?? 0;
      twins = readTwins();
      expect(performance.now() - startMs).toBeLessThan(2000);
      expect(twins).toEqual([twins[0], twins[0], twins[0], twins[0]]);
      expect(new Set(store.root.values.toArray())).toEqual(new Set([twins[0]]));
      expect(twins[0]).toBeGreaterThan(before as number);
      expect(sequence()).toBe(odd);
    }
    await writer.kill();
    expect(readTwins()).toEqual(twins);
    expect(sequence()).toBe(odd + 1);
    expect(new Set(store.root.values.toArray())).toEqual(new Set([twins[0]]));
    store.transaction(() => store.root.left.add());
    expect(store.root.left.value).toBe((twins[0] as number) + 1);
  });

  test('that goes on inside a read section makes it run again, also over a copy of its journal', async () => {
    const writer = await start('twins.mjs', LONG);
    const { left, sum, runs } = await readAcrossCommits(writer, () => undefined);
    expect(runs).toBeGreaterThan(1);
    expect(sum).toBe(2 * left - 1);
  });

  test('planted bugs: not looking whether the playback is still the same, not laying the images over main', async () => {
    const writer = await start('twins.mjs', LONG);
    const { left, sum, runs } = await readAcrossCommits(writer, () => {
      Object.assign(store.memory.door, { beginRead: () => 0, endRead: () => true });
    });
    expect(runs).toBe(1);
    expect(sum).not.toBe(2 * left - 1);

    const careless = openStore({ name, root: roots });
    const door = careless.memory.door as RedoDoor;
    let torn = false;
    for (let stop = 0, odd = 0; !torn && stop < 20; stop++) {
      await stopInPlayback(writer, odd);
      odd = sequence();
      const { left, right, values } = careless.root;
      careless.read(() => left.value);
      (door as unknown as { images: ImageIndex }).images.clear();
      torn = new Set(careless.read(() => [left.value, right.value, ...values.toArray()])).size !== 1;
      writer.process.kill('SIGCONT');
    }
    careless.close();
    expect(torn).toBe(true);
  });
});

test('two processes that add to one counter lose no addition', { timeout: 60_000 }, async () => {
  const { total } = store.addRoots({ total: counter() });
  const adders = [new ChildProgram('add.mjs', [name, 5000]), new ChildProgram('add.mjs', [name, 5000])];
  children.push(...adders);
  for (let k = 0; k < 1000; k++) total.add();
  expect(await Promise.all(adders.map((adder) => adder.ended))).toEqual(['0', '0']);
  expect(total.value).toBe(11_000);
});

/** Stops the writer in the middle of a playback, another one than that of sequence `last`. */
async function stopInPlayback(writer: ChildProgram, last = 0): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt++) {
    await until(() => sequence() !== last);
    await meetPlayback(writer);
    writer.process.kill('SIGSTOP');
    await stopped(writer);
    if (sequence() % 2 === 1) return;
    writer.process.kill('SIGCONT');
  }
  throw new Error('the writer was never stopped in the middle of a playback');
}

/** Reads one counter through the journal of a stopped playback, and two others after the writer has gone on and committed more. */
async function readAcrossCommits(
  writer: ChildProgram,
  plant: () => void,
): Promise<{ left: number; sum: number; runs: number }> {
  await stopInPlayback(writer);
  const stoppedAt = sequence();
  const { left, even, odd } = store.root;
  let runs = 0;
  const read = store.read(() => {
    const first = left.value;
    if (++runs === 1) {
      plant();
      writer.process.kill('SIGCONT');
      const limit = performance.now() + SPIN_LIMIT_MS;
      while (sequence() < stoppedAt + 5 && performance.now() < limit);
    }
    return { left: first, sum: even.value + odd.value };
  });
  return { ...read, runs };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function start(program: string, ...args: readonly number[]): Promise<ChildProgram> {
  const child = new ChildProgram(program, [name, ...args]);
  children.push(child);
  await child.next();
  return child;
}

function readTwins(): unknown[] {
  const { left, right, values } = store.root;
  return store.read(() => [left.value, right.value, values.get(0), values.get(-1)]);
}

function sequence(): number {
  return new Uint32Array(store.native.control, CONTROL_SEQUENCE, 1)[0] as number;
}

/** Resolves in the middle of a playback: nothing but looking at the word again and again is fast enough. */
async function meetPlayback(writer: ChildProgram): Promise<void> {
  const word = new Uint32Array(store.native.control, CONTROL_SEQUENCE, 1);
  const limit = performance.now() + SPIN_LIMIT_MS;
  for (;;) {
    const end = performance.now() + SPIN_MS;
    do if ((word[0] as number) % 2 === 1) return;
    while (performance.now() < end);
    await new Promise((resolve) => setImmediate(resolve));
    if (!writer.isRunning) throw new Error(`the writer ended (${await writer.ended}): ${writer.errors}`);
    if (end > limit) throw new Error(`no playback was seen in ${SPIN_LIMIT_MS} ms, the sequence is ${word[0]}`);
  }
}

/** Resolves when the kernel says that the process is stopped. */
async function stopped(child: ChildProgram): Promise<void> {
  for (;;) {
    const stat = readFileSync(`/proc/${child.process.pid}/stat`, 'utf8');
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
