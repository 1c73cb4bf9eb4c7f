// The shapes and operations whose every prefix is tried: small stores on both sides of each threshold at which a structure changes its form, and operations
// on them. A shape is prepared once; a sequence of its operations starts from those bytes.

import { bucketShapes } from './prefix-tree-shapes.mjs';

/** Thrown by an operation to roll its level back. */
export class Planned extends Error {
  constructor() {
    super('planned');
  }
}

/** The declaration that all shapes use; `lib` is @mofo/journal with what it needs of @mofo/shm-store. */
export function declareRoots({ journal: j }) {
  const Person = j.struct('Person', { name: j.text(), age: j.f64(), note: j.optional(j.text()) });
  const Point = j.struct('Point', { x: j.f32(), y: j.i32() });
  const Every = j.struct('Every', {
    ...{ a: j.u8(), b: j.u16(), c: j.u32(), d: j.i8(), e: j.i16(), f: j.i32(), g: j.f32(), h: j.f64() },
    ...{ yes: j.boolean(), big: j.i64(), huge: j.u64(), at: j.timestamp(), kind: j.oneOf('red', 'green', 'blue') },
    ...{ maybe: j.optional(j.f64()), words: j.text(), raw: j.bytes(), any: j.json() },
    ...{
      boss: j.optional(j.ref(() => Person)),
      inner: Point,
      owned: j.record(Person),
      limit: j.withDefault(j.f64(), 7),
    },
    ...{ parts: j.list(j.f64()), waiting: j.queue(j.text()), count: j.counter(), index: j.tree(j.text(), j.f64()) },
  });
  const roots = {
    numbers: j.tree(j.f64(), j.f64()),
    maybes: j.tree(j.f64(), j.optional(j.f64())),
    names: j.tree(j.text(), j.text()),
    fan: j.tree(j.bytes(), j.f64()),
    pairs: j.tree(j.tuple(j.text(), j.i64()), j.bytes()),
    deep: j.tree(j.text(), j.tree(j.text(), j.f64())),
    people: j.tree(j.text(), Person),
    every: j.tree(j.f64(), Every),
    texts: j.list(j.text()),
    doubles: j.list(j.f64()),
    wide: j.list(j.optional(j.f64())),
    staff: j.list(Person),
    line: j.queue(j.text()),
    jobs: j.queue(Person),
    total: j.counter(),
  };
  return { roots, structs: { Person, Every } };
}

/** Makes the store know every type, so that a thread's knowledge of them outlives the restores between sequences. */
export function introduceTypes(root) {
  root.every.set(1, EVERY);
  root.staff.push({ name: 'n', age: 1 });
  root.every.clear();
  root.staff.clear();
}

/** Puts blocks of every type into a store: nodes of both forms, buckets of all sizes, texts of all encodings and sizes, lists and queues of several chunks, records, refs. */
export function fillWithEverything(root) {
  for (let n = 0; n < 60; n++) root.numbers.set(n * 1000.5, n);
  for (let n = 0; n < 20; n++) root.maybes.set(n, n % 2 === 0 ? n : undefined);
  for (let n = 0; n < 12; n++)
    root.names.set(`name ${n}`.repeat(1 + (n % 4)), n % 3 === 0 ? '\u4e16'.repeat(n) : 'v'.repeat(n * 9));
  for (let n = 0; n < 256; n += 2) root.fan.set(Uint8Array.of(n), n);
  for (let n = 0; n < 30; n++) root.fan.set(Uint8Array.of(2, n), n);
  for (let n = 0; n < 10; n++) root.fan.set(Uint8Array.of(4, n), n);
  for (let n = 0; n < 5; n++) root.pairs.set([`p\u0000${n}`, BigInt(n)], new Uint8Array(n * 8));
  for (const outer of ['a', 'b', 'c']) for (let n = 0; n < 4; n++) root.deep.ensure(outer).set(`${n}`, n);
  for (let n = 0; n < 6; n++) root.people.set(`p${n}`, { name: `person ${n}`, age: n, note: 'note' });
  for (let n = 0; n < 3; n++) {
    root.every.set(n, EVERY);
    Object.assign(root.every.get(n), { boss: root.people.get('p1') });
    root.every.get(n).parts.push(n);
    root.every.get(n).waiting.push('w');
    root.every.get(n).index.set('i', n);
  }
  for (let n = 0; n < 130; n++) root.doubles.push(n);
  for (let n = 0; n < 20; n++) root.texts.push(`text ${n}`);
  root.texts.push('l'.repeat(20_000));
  for (let n = 0; n < 5; n++) root.wide.push(n);
  for (let n = 0; n < 4; n++) root.staff.push({ name: `s${n}`, age: n });
  for (let n = 0; n < 260; n++) root.line.push(`${n}`);
  for (let n = 0; n < 3; n++) root.jobs.push({ name: `j${n}`, age: n });
  root.total.set(42);
}

/** { name: { prepare(root, store), operations: { name(root, store) } } } */
export function shapes() {
  return {
    ...treeShapes(),
    ...textShapes(),
    ...heapShapes(),
    ...collectionShapes(),
    ...recordShapes(),
    ...failingShapes(),
    ...regionShapes(),
  };
}

function treeShapes() {
  const found = bucketShapes();
  found['tree of long keys'] = {
    prepare: ({ names }) => {
      for (const end of ['a', 'b', 'ba', 'bb', 'c']) names.set(`${'prefix '.repeat(4)}${end}`, end);
    },
    operations: {
      'split above': ({ names }) => names.set('prefix other', 'x'),
      'split inside': ({ names }) => names.set(`${'prefix '.repeat(4)}bab`, 'y'),
      'a key that begins others': ({ names }) => names.set('prefix ', 'z'),
      collapse: ({ names }) => names.delete(`${'prefix '.repeat(4)}ba`),
      'clear and set': ({ names }) => {
        names.clear();
        names.set('prefix other', 'again');
      },
      'longer value': ({ names }) => names.set(`${'prefix '.repeat(4)}c`, 'v'.repeat(100)),
      'update in place': ({ names }) => names.update?.(`${'prefix '.repeat(4)}a`, (old) => `${old}!`),
    },
  };
  found['tree of tuples'] = {
    prepare: ({ pairs }) => {
      for (let n = 0; n < 6; n++) pairs.set([`k\u0000${n % 2}`, BigInt(n) - 3n], Uint8Array.of(n));
    },
    operations: {
      add: ({ pairs }) => pairs.set(['k', 9n], new Uint8Array(40)),
      replace: ({ pairs }) => pairs.set(['k\u00000', -3n], new Uint8Array(0)),
      delete: ({ pairs }) => pairs.delete(['k\u00001', -2n]),
    },
  };
  found['tree of trees'] = {
    prepare: ({ deep }) => {
      for (const outer of ['a', 'b']) for (let n = 0; n < 3; n++) deep.ensure(outer).set(`${n}`, n);
    },
    operations: {
      'new inner tree': ({ deep }) => deep.ensure('c').set('x', 1),
      'add inside': ({ deep }) => deep.get('a').set('y', 2),
      'delete with its content': ({ deep }) => deep.delete('b'),
      clear: ({ deep }) => deep.clear(),
    },
  };
  found['tree of numbers'] = {
    prepare: ({ numbers }) => {
      for (const n of [-Infinity, -1.5, 0, 1, 2 ** 40, Infinity]) numbers.set(n, n);
    },
    operations: {
      'add between': ({ numbers }) => numbers.set(0.5, 5),
      'set many': ({ numbers }) => {
        for (let n = 0; n < 12; n++) numbers.set(n * 1000.25, n);
      },
      'delete some': ({ numbers }) => {
        for (const n of [-1.5, 1, Infinity]) numbers.delete(n);
      },
    },
  };
  found['tree of wide values'] = {
    prepare: ({ maybes }) => {
      for (let n = 0; n < 4; n++) maybes.set(n, n);
    },
    operations: {
      add: ({ maybes }) => maybes.set(0.5, 5),
      'add nothing': ({ maybes }) => maybes.set(7, undefined),
      replace: ({ maybes }) => maybes.set(1, 6),
      delete: ({ maybes }) => maybes.delete(2),
    },
  };
  return found;
}

/** Lengths around the ends of size classes, of the loops that write short texts, of one slab. */
const TEXT_LENGTHS = [0, 1, 7, 8, 24, 25, 40, 100, 1000, 8000, 16300, 16352, 16400, 33_000];

function textShapes() {
  const operations = {};
  for (const length of TEXT_LENGTHS) {
    operations[`latin1 of ${length}`] = ({ texts }) => texts.length > 0 && texts.set(0, 'l'.repeat(length));
    if (length < 9000)
      operations[`wide of ${length}`] = ({ texts }) => texts.length > 1 && texts.set(1, '\u4e16'.repeat(length));
  }
  operations.bytes = ({ pairs }) => pairs.set(['b', 1n], new Uint8Array(300).fill(7));
  operations.pop = ({ texts }) => texts.pop();
  return {
    texts: {
      prepare: ({ texts }) => {
        texts.push('first');
        texts.push('s'.repeat(17_000));
      },
      operations,
    },
  };
}

function heapShapes() {
  const LAYOUT = 64;
  const PAYLOAD = 2700;
  const fill = (store, count) => Array.from({ length: count }, () => store.memory.heap.allocate(LAYOUT, PAYLOAD));
  const found = {};
  // Five blocks of this class fill a slab.
  for (const count of [0, 1, 4, 5, 6, 9, 10]) {
    found[`${count} blocks of a class`] = {
      isBare: true,
      prepare: (_root, store, notes) => {
        notes.blocks = store.transaction(() => fill(store, count));
      },
      operations: {
        allocate: (_root, store, notes) => void notes.blocks.push(...fill(store, 1)),
        'allocate five': (_root, store, notes) => void notes.blocks.push(...fill(store, 5)),
        'free the first': (_root, store, notes) => freeOne(store, notes, 0),
        'free the last': (_root, store, notes) => freeOne(store, notes, notes.blocks.length - 1),
        'make and free': (_root, store) => {
          for (const block of fill(store, 7)) store.memory.heap.free(block);
        },
        'a span': (_root, store, notes) => void notes.blocks.push(store.memory.heap.allocate(LAYOUT, 40_000)),
        'own much of a block': (_root, store, notes) => {
          if (notes.blocks.length > 0) store.memory.door.own(notes.blocks[0], notes.blocks[0] + 1, 40);
        },
        'a large span made and freed': (_root, store) =>
          store.memory.heap.free(store.memory.heap.allocate(LAYOUT, 70_000)),
      },
    };
  }
  found['spans of slabs'] = {
    isBare: true,
    prepare: (_root, store, notes) => {
      const { heap } = store.memory;
      notes.blocks = store.transaction(() =>
        [17_000, 17_000, 40_000, 17_000].map((bytes) => heap.allocate(LAYOUT, bytes)),
      );
    },
    operations: {
      'free the first': (_root, store, notes) => freeOne(store, notes, 0),
      'free the second': (_root, store, notes) => freeOne(store, notes, 1),
      'free the last': (_root, store, notes) => freeOne(store, notes, notes.blocks.length - 1),
      'take one back': (_root, store, notes) => void notes.blocks.push(store.memory.heap.allocate(LAYOUT, 17_000)),
      'a small one': (_root, store, notes) => void notes.blocks.push(store.memory.heap.allocate(LAYOUT, 20)),
    },
  };
  return found;
}

function freeOne(store, notes, index) {
  if (notes.blocks.length === 0) return;
  const [block] = notes.blocks.splice(index, 1);
  store.memory.heap.free(block);
}

function collectionShapes() {
  const found = {};
  for (const length of [0, 1, 61, 62, 63, 123, 124, 125]) {
    found[`list of ${length}`] = {
      prepare: ({ doubles, texts, wide }) => {
        for (let n = 0; n < length; n++) doubles.push(n);
        for (let n = 0; n < length; n++) texts.push(`${n}`);
        for (let n = 0; n < length % 10; n++) wide.push(n);
      },
      operations: {
        push: ({ doubles }) => doubles.push(-1),
        'push a text': ({ texts }) => texts.push('new'),
        pop: ({ doubles }) => doubles.pop(),
        'pop a text': ({ texts }) => texts.pop(),
        set: ({ doubles, texts }) => {
          if (doubles.length > 0) doubles.set(0, 5);
          if (texts.length > 0) texts.set(-1 + texts.length, 'changed');
        },
        insert: ({ doubles }) => doubles.insert(Math.max(0, doubles.length - 3), 9),
        remove: ({ texts }) => texts.length > 0 && texts.remove(Math.max(0, texts.length - 3)),
        'wide values': ({ wide }) => {
          wide.push(undefined);
          wide.insert(0, 3);
          wide.remove(wide.length - 1);
        },
        clear: ({ texts }) => texts.clear(),
      },
    };
  }
  for (const length of [0, 1, 123, 124, 247, 248, 249]) {
    found[`queue of ${length}`] = {
      prepare: ({ line, jobs }) => {
        for (let n = 0; n < length; n++) line.push(`${n}`);
        for (let n = 0; n < length % 10; n++) jobs.push({ name: `job ${n}`, age: n });
      },
      operations: {
        push: ({ line }) => line.push('new'),
        'push a record': ({ jobs }) => jobs.push({ name: 'new job', age: 1 }),
        shift: ({ line }) => line.shift(),
        'shift a record': ({ jobs }) => jobs.shift(),
        'shift all but one': ({ line }) => {
          while (line.length > 1) line.shift();
        },
        'shift all': ({ line }) => {
          while (line.length > 0) line.shift();
        },
        clear: ({ line }) => line.clear(),
      },
    };
  }
  found.counter = {
    prepare: ({ total }) => total.add(3),
    operations: {
      add: ({ total }) => total.add(1),
      take: ({ total }) => total.add(-2.5),
      set: ({ total }) => total.set(9),
    },
  };
  return found;
}

const EVERY = {
  ...{
    a: 1,
    b: 2,
    c: 3,
    d: -4,
    e: -5,
    f: -6,
    g: 0.5,
    h: 1 / 3,
    yes: true,
    big: -7n,
    huge: 2n ** 63n,
    at: 1e12,
    kind: 'green',
  },
  ...{ maybe: 8, words: 'some words', raw: Uint8Array.of(1, 2, 3), any: { deep: [1, 'two'] } },
  ...{ inner: { x: 1.5, y: -2 }, owned: { name: 'owned', age: 1 }, limit: 70 },
};

function recordShapes() {
  return {
    records: {
      prepare: ({ every, people }) => {
        people.set('anna', { name: 'Anna', age: 40 });
        every.set(1, EVERY);
        every.get(1).boss = people.get('anna');
        every.get(1).parts.push(1);
        every.get(1).waiting.push('w');
        every.get(1).index.set('i', 1);
      },
      operations: {
        'every kind of field': ({ every }) => void every.set(2, EVERY),
        'small numbers': ({ every }) =>
          void Object.assign(every.get(1) ?? {}, { a: 9, b: 8, c: 7, d: 6, e: 5, f: 4, g: 3, h: 2 }),
        'big numbers': ({ every }) =>
          void Object.assign(every.get(1) ?? {}, { big: 1n, huge: 2n, at: 3, yes: false, kind: 'red' }),
        'texts and documents': ({ every }) =>
          void Object.assign(every.get(1) ?? {}, {
            words: 'w'.repeat(50),
            raw: new Uint8Array(70),
            any: 'short',
            maybe: undefined,
          }),
        'refs and parts': ({ every, people }) =>
          void Object.assign(every.get(1) ?? {}, {
            boss: people.get('anna'),
            inner: { x: 2, y: 3 },
            owned: { name: 'other', age: 2 },
          }),
        'collections inside': ({ every }) => {
          if (!every.has(1)) return;
          const { parts, waiting, count, index } = every.get(1);
          parts.push(2);
          waiting.push('x');
          waiting.shift();
          count.add(4);
          index.set('j', 2);
        },
        'delete it': ({ every }) => every.delete(1),
        'delete what a ref means': ({ people }) => people.delete('anna'),
        'change a text field': ({ people }) => {
          const anna = people.get('anna');
          if (anna !== undefined) Object.assign(anna, { name: 'Anna Maria', note: 'new' });
        },
        'list of records': ({ staff }) => {
          staff.push({ name: 'one', age: 1 });
          staff.push({ name: 'two', age: 2, note: 'n' });
          staff.remove(0);
        },
      },
    },
  };
}

/** Operations that end in an error inside, and go on around it. */
function failingShapes() {
  const refused = (body) => {
    try {
      body();
    } catch (error) {
      if (error.code === undefined) throw error;
    }
  };
  return {
    'refused values': {
      prepare: ({ texts, line, every }) => {
        texts.push('a');
        line.push('b');
        every.set(1, EVERY);
      },
      operations: {
        'a list refuses': ({ texts }) => refused(() => texts.push(5)),
        'a list refuses inside': ({ texts }) => refused(() => texts.insert(0, 5)),
        'a queue refuses': ({ line }) => refused(() => line.push(5)),
        'a tree refuses': ({ names }) => refused(() => names.set('k', 5)),
        'a record refuses': ({ every }) => refused(() => every.set(2, { ...EVERY, words: 5 })),
        'a level fails': ({ names, texts }, store) => {
          refused(() =>
            store.transaction(() => {
              names.set('lost', 'x'.repeat(200));
              texts.set(0, 'lost');
              texts.push('lost');
              names.set({}, 'no key');
            }),
          );
        },
      },
    },
  };
}

function regionShapes() {
  const find = (store, name) => store.regions.list().find((region) => region.name === name);
  return {
    'native regions': {
      // It may be there from an earlier part of the run.
      prepare: (_root, store) => void (find(store, 'first') ?? store.regions.create('first', 20_000)),
      operations: {
        create: (_root, store) => void (find(store, 'second') ?? store.regions.create('second', 30_000)),
        remove: (_root, store) => find(store, 'first') && store.regions.remove('first'),
      },
    },
  };
}
