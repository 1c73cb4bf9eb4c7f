// Bytes are input: with any bytes flipped in the heap, every call ends, with a result or a coded error.

import { bytes, f64, i64, struct, text } from '@mofo/shm-store';
import { describe, expect, it } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { queue } from '../src/collections/queue.ts';
import { tree } from '../src/tree/tree-type.ts';
import { tuple } from '../src/tree/tuple.ts';
import { expectCoded, openScratch } from './tree-support.ts';

const ROUNDS = 40;
const STEPS = 12;

/** Small, fast, seeded (mulberry32), so that a failing round can be run again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const Thing = struct('Thing', { name: text(), parts: list(f64()) });

function build(seed: number) {
  const scratch = openScratch(2 * 2 ** 20);
  const next = random(seed);
  const types = {
    numbers: tree(f64(), f64()),
    texts: tree(text(), Thing),
    pairs: tree(tuple(bytes(), i64()), tree(text(), counter())),
    items: list(text()),
    waiting: queue(f64()),
  };
  const numbers = scratch.make(types.numbers);
  const texts = scratch.make(types.texts);
  const pairs = scratch.make(types.pairs);
  const items = scratch.make(types.items);
  const waiting = scratch.make(types.waiting);
  scratch.transaction(() => {
    for (let k = 0; k < 400; k++) numbers.handle.set(next(600), k);
    for (let k = 0; k < 60; k++) texts.handle.set(`thing${next(100)}`, { name: `n${k}` });
    for (let k = 0; k < 20; k++)
      pairs.handle
        .ensure([Uint8Array.of(k), BigInt(next(9))])
        .ensure('x')
        .add(k);
    for (let k = 0; k < 300; k++) items.handle.push(`item ${k}`);
    for (let k = 0; k < 300; k++) waiting.handle.push(k);
  });
  return { scratch, next, types, numbers, texts, pairs, items, waiting };
}

describe('flipped bytes', () => {
  it(`lead to results or coded errors, never to a crash or a hang (${ROUNDS} stores)`, () => {
    let failures = 0;
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const { scratch, next, types, numbers, texts, pairs, items, waiting } = build(seed);
      const attempt = (body: () => unknown): void => {
        try {
          body();
        } catch (error) {
          failures++;
          expectCoded(error);
        }
      };
      const heap = new Uint8Array(scratch.native.windows[0] as ArrayBuffer);
      const words = new Uint32Array(heap.buffer);
      const first = (words[96 / 4] as number) * 16384;
      const end = (words[100 / 4] as number) * 16384;
      for (let step = 0; step < STEPS; step++) {
        for (let flips = 1 + next(6); flips > 0; flips--) {
          const at = first + next(end - first);
          // Half of the flips make links to other blocks, cycles included.
          if (next(2) === 0) heap[at] = (heap[at] as number) ^ (1 << next(8));
          else words[at >> 2] = words[(first + next(end - first)) >> 2] as number;
        }
        attempt(() => numbers.handle.get(next(600)));
        attempt(() => [...numbers.handle]);
        attempt(() => [...numbers.handle.keys({ gt: next(300), reverse: true })]);
        attempt(() => numbers.handle.set(next(600), 1));
        attempt(() => numbers.handle.delete(next(600)));
        attempt(() => numbers.handle.countRange({ gte: 10, lt: 500 }));
        attempt(() => texts.handle.get(`thing${next(100)}`)?.name);
        attempt(() => [...texts.handle.values({ prefix: 'thing1' })].map((thing) => thing.name + thing.parts.length));
        attempt(() => texts.handle.set(`thing${next(100)}`, { name: 'new' }));
        attempt(() => texts.handle.delete(`thing${next(100)}`));
        attempt(() => [...pairs.handle].map(([, inner]) => [...inner.values()].map((count) => count.value)));
        attempt(() => pairs.handle.delete([Uint8Array.of(next(20)), BigInt(next(9))]));
        attempt(() => items.handle.toArray());
        attempt(() => items.handle.push('x'));
        attempt(() => items.handle.remove(next(250)));
        attempt(() => waiting.handle.toArray());
        attempt(() => waiting.handle.shift());
        attempt(() => waiting.handle.push(1));
        for (const [name, type] of Object.entries(types)) {
          const { header } = { numbers, texts, pairs, items, waiting }[name as keyof typeof types];
          attempt(() => scratch.walk(type as never, header));
        }
      }
      attempt(() => numbers.handle.clear());
      attempt(() => texts.handle.clear());
      attempt(() => pairs.handle.clear());
      attempt(() => items.handle.clear());
      attempt(() => waiting.handle.clear());
    }
    expect(failures).toBeGreaterThan(ROUNDS);
  }, 120_000);

  it('make a tree that contains itself: a coded end when it is freed or walked', () => {
    const scratch = openScratch();
    const inner = tree(text(), f64());
    const type = tree(text(), tree(text(), inner));
    const { handle, header } = scratch.make(type);
    scratch.transaction(() => handle.ensure('a').ensure('b').set('c', 1));
    const words = new Int32Array(scratch.native.windows[0] as ArrayBuffer);
    const leaf = words[(header + 1) * 4] as number;
    words[(leaf + 1) * 4] = header;
    expect(() => handle.clear()).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/CORRUPT|WRONG_TYPE/) }),
    );
    expect(scratch.walk(type, header).problems.length).toBeGreaterThan(0);
  });
});
