// A process may die after any single store of the JavaScript writers: everything that means something is then as before, nothing leaks, and each store had
// passed the page guard. The states are recovered by the addon's own recovery (support/cut-store.ts). With MOFO_SOAK_MINUTES
// the random part runs that long, from MOFO_SOAK_SEED on, and prints what it tried.

import { bytes, f64, optional, record, struct, text } from '@mofo/shm-store';
import { afterEach, describe, expect, it } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { list } from '../src/collections/list.ts';
import { queue } from '../src/collections/queue.ts';
import type { RedoDoor } from '../src/redo/redo-door.ts';
import { tree } from '../src/tree/tree-type.ts';
import { type CutReport, CutStore } from './support/cut-store.ts';

const Person = struct('Person', { name: text(), age: f64(), note: optional(text()) });
const Later = struct('Later', { title: text(), picture: bytes(), owner: record(Person) });

const roots = {
  numbers: tree(f64(), f64()),
  names: tree(text(), text()),
  people: tree(text(), Person),
  list: list(text()),
  doubles: list(f64()),
  queue: queue(text()),
  total: counter(),
};
type Cuts = CutStore<typeof roots>;

const open: Cuts[] = [];
function openCuts(sizeBytes = 2 ** 20, plant?: (door: RedoDoor) => void): Cuts {
  const cuts = new CutStore(sizeBytes, roots, plant);
  open.push(cuts);
  return cuts;
}
afterEach(() => {
  for (const cuts of open.splice(0)) cuts.close();
});

function expectSound(cuts: Cuts, report: CutReport): void {
  expect(report.problems).toEqual([]);
  expect(cuts.check()).toEqual([]);
}

/** Fails a level and goes on around it. */
function failing(cuts: Cuts, body: () => void): void {
  try {
    cuts.store.transaction(() => {
      body();
      throw new Error('planned');
    });
  } catch (error) {
    if ((error as Error).message !== 'planned') throw error;
  }
}

/** Each prepares the store outside the cut transaction and returns what is cut. */
const operations: Record<string, (cuts: Cuts) => () => void> = {
  'an empty transaction': () => () => undefined,
  'the first block of a class: a new slab': (cuts) => () => void cuts.store.root.list.push('a'),
  'a block from the free list': (cuts) => {
    for (let k = 0; k < 5; k++) cuts.store.root.names.set(`k${k}`, 'value');
    cuts.store.root.names.delete('k1');
    cuts.store.root.names.delete('k3');
    return () => void cuts.store.root.names.set('again', 'value');
  },
  'the last block of a slab': (cuts) => {
    const { heap } = cuts.store.memory;
    return () => {
      const made: number[] = [];
      for (let k = 0; k < 12; k++) made.push(heap.allocate(64, 2700));
      for (const block of made) heap.free(block);
    };
  },
  'an end of the heap that is lowered': (cuts) => {
    cuts.store.root.list.push('x'.repeat(40_000));
    cuts.store.root.list.pop();
    return () => cuts.store.memory.heap.trim();
  },
  'a large block': (cuts) => () => void cuts.store.root.list.push('x'.repeat(40_000)),
  'a large block freed at the commit': (cuts) => {
    cuts.store.root.list.push('x'.repeat(40_000));
    return () => void cuts.store.root.list.pop();
  },
  'a large block made, freed and made again': (cuts) => () => {
    const { heap } = cuts.store.memory;
    const block = heap.allocate(64, 100_000);
    heap.free(block);
    const small = Array.from({ length: 20 }, () => heap.allocate(64, 8000));
    for (const one of small) heap.free(one);
  },
  'slabs given back and merged': (cuts) => {
    for (let k = 0; k < 30; k++) cuts.store.root.list.push('y'.repeat(8000));
    return () => cuts.store.root.list.clear();
  },
  'a tree that grows through all kinds of nodes': (cuts) => () => {
    for (let k = 0; k < 60; k++) cuts.store.root.numbers.set(k, k);
  },
  'a ninth bucket below a node: it becomes full': (cuts) => {
    for (let k = 0; k < 60; k++) cuts.store.root.numbers.set(2 ** 40 + (k % 16) * 2 ** 36 + k, k);
    return () => {
      for (let k = 60; k < 190; k++) cuts.store.root.numbers.set(2 ** 40 + (k % 16) * 2 ** 36 + k, k);
    };
  },
  'buckets below a full node that are emptied: it becomes small': (cuts) => {
    for (let k = 0; k < 190; k++) cuts.store.root.numbers.set(2 ** 40 + (k % 16) * 2 ** 36 + k, k);
    return () => {
      for (let k = 0; k < 150; k++) cuts.store.root.numbers.delete(2 ** 40 + (k % 16) * 2 ** 36 + k);
    };
  },
  'a tree that shrinks again': (cuts) => {
    for (let k = 0; k < 300; k++) cuts.store.root.numbers.set(k, k);
    return () => {
      for (let k = 0; k < 299; k += 1) cuts.store.root.numbers.delete(k);
    };
  },
  'texts replaced': (cuts) => {
    for (let k = 0; k < 10; k++) cuts.store.root.names.set(`key ${k}`, `value ${k}`);
    return () => {
      for (let k = 0; k < 10; k++) cuts.store.root.names.set(`key ${k}`, 'z'.repeat(k * 40));
    };
  },
  'a record with text, and its type': (cuts) => () => {
    cuts.store.root.people.set('anna', { name: 'Anna', age: 40, note: 'long '.repeat(30) });
  },
  'a record changed and deleted': (cuts) => {
    cuts.store.root.people.set('anna', { name: 'Anna', age: 40 }).set('ben', { name: 'Ben', age: 41 });
    return () => {
      const anna = cuts.store.root.people.get('anna');
      if (anna !== undefined) {
        anna.age += 1;
        anna.name = 'Anna Maria';
        anna.note = 'new';
      }
      cuts.store.root.people.delete('ben');
    };
  },
  'a root and two types': (cuts) => () => {
    cuts.store
      .addRoots({ more: list(Later) })
      .more.push({ title: 'x', picture: new Uint8Array(70), owner: { name: 'B', age: 1 } });
  },
  'list, queue and counter': (cuts) => {
    for (let k = 0; k < 200; k++) cuts.store.root.doubles.push(k);
    for (let k = 0; k < 40; k++) cuts.store.root.queue.push(`q${k}`);
    return () => {
      const { doubles, queue: line, total } = cuts.store.root;
      doubles.insert(190, -1);
      doubles.pop();
      doubles.set(3, 33);
      doubles.remove(195);
      for (let k = 0; k < 35; k++) line.shift();
      line.push('end');
      total.add(5);
      total.add(-2);
    };
  },
  'nested levels, some rolled back': (cuts) => {
    for (let k = 0; k < 20; k++) cuts.store.root.names.set(`key ${k}`, `value ${k}`);
    return () => {
      const { names, list: lines, total } = cuts.store.root;
      total.add(1);
      names.set('outer', 'x'.repeat(300));
      failing(cuts, () => {
        names.set('outer', 'inner');
        for (let k = 0; k < 20; k++) names.delete(`key ${k}`);
        cuts.store.transaction(() => names.set('deep', 'deeper'));
        failing(cuts, () => lines.push('lost'));
      });
      cuts.store.transaction(() => {
        names.delete('outer');
        lines.push('kept');
        failing(cuts, () => names.set('key 3', 'w'.repeat(9000)));
      });
      names.set('last', 'one');
    };
  },
  'a level that frees what an outer one made': (cuts) => () => {
    const { names } = cuts.store.root;
    names.set('a', 'b'.repeat(100));
    cuts.store.transaction(() => names.delete('a'));
    failing(cuts, () => names.set('a', 'again'));
    names.set('c', 'd'.repeat(100));
  },
  'everything, and then an error': (cuts) => {
    for (let k = 0; k < 20; k++) cuts.store.root.names.set(`key ${k}`, `value ${k}`);
    return () => {
      for (let k = 0; k < 20; k += 2) cuts.store.root.names.delete(`key ${k}`);
      cuts.store.root.list.push('y'.repeat(60_000));
      cuts.store.root.people.set('anna', { name: 'Anna', age: 40 });
      throw new Error('planned');
    };
  },
};

describe('cut after every store', () => {
  for (const [name, prepare] of Object.entries(operations)) {
    it(name, () => {
      const cuts = openCuts();
      const body = prepare(cuts);
      const report = cuts.cut(body);
      expectSound(cuts, report);
    });
  }

  it('memory reserved in the middle', () => {
    const cuts = openCuts(4 * 2 ** 20);
    const before = cuts.store.status.reservedBytes;
    const report = cuts.cut(() => {
      for (let k = 0; k < 40; k++) cuts.store.root.list.push('x'.repeat(60_000));
    }, 17);
    expect(cuts.store.status.reservedBytes).toBeGreaterThan(before);
    expectSound(cuts, report);
  });

  it('an undo list and a journal that outgrow their first step', () => {
    const cuts = openCuts(4 * 2 ** 20);
    for (let k = 0; k < 3000; k++) cuts.store.root.doubles.push(k);
    const report = cuts.cut(() => {
      for (let k = 0; k < 1200; k++) cuts.store.root.numbers.set(k * 7, k);
      for (let k = 0; k < 3000; k++) cuts.store.root.doubles.set(k, -k);
    }, 211);
    expectSound(cuts, report);
  });
});

describe('random transactions', () => {
  const minutes = Number(process.env.MOFO_SOAK_MINUTES ?? 0);
  it('leave the old state wherever they are cut', { timeout: 60_000 + minutes * 60_000 }, () => {
    const first = Number(process.env.MOFO_SOAK_SEED ?? 1);
    const end = Date.now() + minutes * 60_000;
    let tried = 0;
    for (let seed = first; seed < first + 6 || Date.now() < end; seed++) {
      const cuts = openCuts();
      const random = randomNumbers(seed);
      for (let turn = 0; turn < 25; turn++) {
        const report = cuts.cut(() => randomBody(cuts, random, 0), 1 + random(12));
        tried += report.cuts;
        expect({ seed, turn, problems: report.problems }).toEqual({ seed, turn, problems: [] });
        expect({ seed, turn, problems: cuts.check() }).toEqual({ seed, turn, problems: [] });
      }
      cuts.close();
      open.pop();
    }
    if (minutes > 0) console.log(JSON.stringify({ tried, first }));
    expect(tried).toBeGreaterThan(1000);
  });
});

/** What the planted bugs use of a door. */
interface Insides {
  overwrite(granule: number): number;
  own(block: number, chunk: number, granules: number): number;
  showMain(granule: number): number;
  blockId(block: number): number;
  guardBlock(block: number, granules: number): void;
  words: Int32Array;
  undoWords: Int32Array;
  controlWords: Uint32Array;
  slotUndoCount: number;
  undoCount: number;
  undoReservedEntries: number;
  transactionId: number;
  pageStates: Uint8Array;
  reserveUndo(): void;
}

function writeUndoEntry(door: Insides, entry: number, granule: number, old: Int32Array): void {
  const { undoWords } = door;
  undoWords[entry * 8] = granule;
  undoWords[entry * 8 + 1] = door.transactionId | 0;
  for (let k = 0; k < 4; k++) undoWords[entry * 8 + 4 + k] = old[k] as number;
}

/** Makes room for an undo entry and passes the guard; returns the granule's words. */
function beginOverwrite(door: Insides, granule: number): Int32Array {
  if (door.undoCount >= door.undoReservedEntries) door.reserveUndo();
  door.guardBlock(granule, 1);
  const i = door.showMain(granule);
  return door.words.slice(i, i + 4);
}

const plants: Record<string, (door: Insides) => void> = {
  none: () => undefined,
  'an undo entry written after the overwrite': (door) => {
    let late: (() => void) | undefined;
    door.overwrite = (granule) => {
      late?.();
      const old = beginOverwrite(door, granule);
      const entry = door.undoCount++;
      late = () => {
        writeUndoEntry(door, entry, granule, old);
        door.controlWords[door.slotUndoCount] = entry + 1;
      };
      return door.showMain(granule);
    };
  },
  'an undo count raised before its entry': (door) => {
    door.overwrite = (granule) => {
      const old = beginOverwrite(door, granule);
      door.controlWords[door.slotUndoCount] = ++door.undoCount;
      writeUndoEntry(door, door.undoCount - 1, granule, old);
      return door.showMain(granule);
    };
  },
  'a header overwritten without an undo entry': (door) => {
    const overwrite = door.overwrite.bind(door);
    door.overwrite = (granule) => {
      if (granule < 1024) return overwrite(granule);
      door.guardBlock(granule, 1);
      return door.showMain(granule);
    };
  },
  'some chunks without an image': (door) => {
    const own = door.own.bind(door);
    door.own = (block, chunk, granules) => {
      if (door.blockId(block) >= door.transactionId || chunk % 4 !== 1) return own(block, chunk, granules);
      door.guardBlock(block, granules);
      return door.showMain(chunk);
    };
  },
  'an overwrite past the page guard': (door) => {
    const overwrite = door.overwrite.bind(door);
    door.overwrite = (granule) => {
      const { pageStates } = door;
      door.pageStates = new Uint8Array(pageStates.length).fill(1);
      const i = overwrite(granule);
      door.pageStates = pageStates;
      return i;
    };
  },
};

describe('a planted bug is caught (none is not)', () => {
  for (const [name, plant] of Object.entries(plants)) {
    it(name, () => {
      const cuts = openCuts(2 ** 20, (door) => plant(door as unknown as Insides));
      let problems = 0;
      for (const operation of ['a block from the free list', 'texts replaced', 'list, queue and counter']) {
        const body = operations[operation]?.(cuts) ?? expect.fail('there is no such operation');
        problems += cuts.cut(body).problems.length;
      }
      expect(problems > 0).toBe(name !== 'none');
    });
  }
});

function randomNumbers(seed: number): (limit: number) => number {
  let state = seed * 2654435761;
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % limit;
  };
}

function randomBody(cuts: Cuts, random: (limit: number) => number, depth: number): void {
  const { numbers, names, people, list: lines, doubles, queue: line, total } = cuts.store.root;
  for (let step = random(8); step >= 0; step--) {
    const key = random(40);
    const words = 'w'.repeat(random(4) === 0 ? random(20_000) : random(90));
    const kind = random(14);
    if (kind === 0) numbers.set(key * 1000.5, key);
    else if (kind === 1) for (let k = 0; k < key; k++) numbers.delete(k * 1000.5);
    else if (kind === 2) names.set(`name ${key}`, words);
    else if (kind === 3) names.delete(`name ${key}`);
    else if (kind === 4) people.set(`p${key % 7}`, { name: words.slice(0, 50), age: key });
    else if (kind === 5) people.delete(`p${key % 7}`);
    else if (kind === 6) {
      const person = people.get(`p${key % 7}`);
      if (person !== undefined) person.note = words.slice(0, 100);
    } else if (kind === 7) lines.push(words);
    else if (kind === 8) lines.pop();
    else if (kind === 9) doubles.insert(random(doubles.length + 1), key);
    else if (kind === 10) line.push(words.slice(0, 30));
    else if (kind === 11) line.shift();
    else if (kind === 12) total.add(key);
    else if (depth < 3) {
      if (random(2) === 0) failing(cuts, () => randomBody(cuts, random, depth + 1));
      else cuts.store.transaction(() => randomBody(cuts, random, depth + 1));
    }
  }
  if (depth === 0 && random(5) === 0) throw new Error('planned');
}
