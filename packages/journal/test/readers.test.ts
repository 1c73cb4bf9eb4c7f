// What a reader sees of writers in other processes (R14): committing all the time, killed in the middle of a playback, stopped there; and that no addition
// of two processes is lost (R13).

import { readFileSync } from 'node:fs';
import { CONTROL_SEQUENCE, f64 } from '@mofo/shm-store';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { destroyStore } from '../src/index.ts';
import { openStore, type Store } from '../src/store.ts';
import { buildPackage, ChildProgram } from './support/child-program.ts';

const roots = { left: counter(), right: counter(), values: list(f64()) };
/** Values of the list where a playback must last long enough to be met: some milliseconds. */
const LONG = 400_000;
const SPIN_LIMIT_MS = 60_000;
/** How long the event loop stands still for it. */
const SPIN_MS = 100;

let count = 0;
let name: string;
let store: Store<typeof roots>;
const children: ChildProgram[] = [];

beforeAll(buildPackage);
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

  test('that is stopped in the middle of its playback waits, and goes on after SIGCONT', async () => {
    const writer = await start('twins.mjs', LONG);
    const reader = await start('read-twins.mjs');
    for (let attempt = 0; ; attempt++) {
      await meetPlayback(writer);
      writer.process.kill('SIGSTOP');
      await stopped(writer);
      if (sequence() % 2 === 1) break;
      expect(attempt).toBeLessThan(60);
      writer.process.kill('SIGCONT');
    }
    reader.say('read');
    const answer = reader.next();
    // It must not answer; how long one looks is a choice.
    const early = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 500, 'nothing'))]);
    expect(early).toBe('nothing');
    expect(sequence() % 2).toBe(1);
    writer.process.kill('SIGCONT');
    const { seen, waitedMs } = (await answer) as { seen: number[]; waitedMs: number };
    expect(new Set(seen).size).toBe(1);
    expect(waitedMs).toBeGreaterThan(400);
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
