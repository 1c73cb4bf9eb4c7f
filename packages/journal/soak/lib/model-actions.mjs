// What the model check does, each action once for the real store and once for a plain JavaScript model of it. Actions are data ({ do, key, number, text }), so that they
// can be sent to another process, printed and replayed.
//
// A model: { numbers, names, pairs, deep, people, every: Map; texts, doubles, wide, staff, line, jobs: []; total: number; born: ids handed out }

/** A fresh model. */
export function emptyModel() {
  return {
    ...{
      numbers: new Map(),
      names: new Map(),
      fan: new Map(),
      pairs: new Map(),
      deep: new Map(),
      people: new Map(),
      every: new Map(),
    },
    ...{ texts: [], doubles: [], wide: [], staff: [], line: [], jobs: [], total: 0, born: 0 },
  };
}

const clip = (list, index) => index % Math.max(1, list.length);
const fanKey = (key) => Uint8Array.of((key * 7) % 256);
const pairKey = (key) => [`p\u0000${key % 3}`, BigInt(key) - 20n];
const person = ({ text, number, key }) => ({
  name: text,
  age: number,
  ...(key % 2 === 0 ? { note: text.slice(0, 9) } : {}),
});
const kinds = ['red', 'green', 'blue'];

function everyOf({ key, number, text }) {
  return {
    ...{ a: key, b: key * 1000, c: key * 100_000_000, d: 0 - key, e: 0 - key * 700, f: 0 - key * 10_000_000 },
    ...{
      g: Math.fround(number),
      h: number,
      yes: key % 2 === 0,
      big: BigInt(-key) * 2n ** 57n,
      huge: BigInt(key) * 2n ** 57n,
    },
    ...{
      at: key * 1e10,
      kind: kinds[key % 3],
      words: text,
      raw: Uint8Array.from(text.slice(0, 40), (c) => c.charCodeAt(0)),
    },
    ...{ any: { text: text.slice(0, 20), list: [key, null, true] }, inner: { x: Math.fround(number), y: key } },
    ...{ owned: { name: text.slice(0, 30), age: key }, limit: number },
  };
}

/** What the model keeps of it. */
function everyModel(action) {
  const made = everyOf(action);
  return {
    ...made,
    owned: { ...made.owned, note: undefined },
    maybe: undefined,
    boss: 0,
    parts: [],
    waiting: [],
    count: 0,
    index: new Map(),
  };
}

const withPerson = (values, model) => ({ note: undefined, ...values, id: ++model.born });

/** Each: real(root, action) and model(model, action). */
export const ACTIONS = {
  'numbers.set': [
    ({ numbers }, { key, number }) => numbers.set(number * key, key),
    (m, { key, number }) => m.numbers.set(zero(number * key), key),
  ],
  'numbers.delete': [
    ({ numbers }, { key, number }) => numbers.delete(number * key),
    (m, { key, number }) => m.numbers.delete(zero(number * key)),
  ],
  'numbers.clear': [({ numbers }) => numbers.clear(), (m) => m.numbers.clear()],
  'names.set': [
    ({ names }, { key, text }) => names.set(text.slice(0, key), text),
    (m, { key, text }) => m.names.set(text.slice(0, key), text),
  ],
  'names.delete': [
    ({ names }, { key, text }) => names.delete(text.slice(0, key)),
    (m, { key, text }) => m.names.delete(text.slice(0, key)),
  ],
  'names.update': [
    ({ names }, { key, text }) =>
      names.update(text.slice(0, key), (old) => (old === undefined ? 'u' : `${old.slice(0, 50)}!`)),
    (m, { key, text }) => {
      const old = m.names.get(text.slice(0, key));
      m.names.set(text.slice(0, key), old === undefined ? 'u' : `${old.slice(0, 50)}!`);
    },
  ],
  'fan.fill': [
    ({ fan }, { key, number }) => {
      for (let k = 0; k < key * 6; k++) fan.set(fanKey(k), number);
    },
    (m, { key, number }) => {
      for (let k = 0; k < key * 6; k++) m.fan.set(fanKey(k)[0], number);
    },
  ],
  'fan.drain': [
    ({ fan }, { key }) => {
      for (let k = key; k < 256; k++) fan.delete(fanKey(k));
    },
    (m, { key }) => {
      for (let k = key; k < 256; k++) m.fan.delete(fanKey(k)[0]);
    },
  ],
  'fan.delete': [({ fan }, { key }) => fan.delete(fanKey(key)), (m, { key }) => m.fan.delete(fanKey(key)[0])],
  'pairs.set': [
    ({ pairs }, { key, text }) => pairs.set(pairKey(key), Buffer.from(text.slice(0, 60), 'latin1')),
    (m, { key, text }) => m.pairs.set(pairKey(key).join(), Buffer.from(text.slice(0, 60), 'latin1').toString('latin1')),
  ],
  'pairs.delete': [
    ({ pairs }, { key }) => pairs.delete(pairKey(key)),
    (m, { key }) => m.pairs.delete(pairKey(key).join()),
  ],
  'deep.set': [
    ({ deep }, { key, text, number }) => deep.ensure(`d${key % 4}`).set(text.slice(0, 6), number),
    (m, { key, text, number }) => {
      if (!m.deep.has(`d${key % 4}`)) m.deep.set(`d${key % 4}`, new Map());
      m.deep.get(`d${key % 4}`).set(text.slice(0, 6), number);
    },
  ],
  'deep.delete': [({ deep }, { key }) => deep.delete(`d${key % 4}`), (m, { key }) => m.deep.delete(`d${key % 4}`)],
  'people.set': [
    ({ people }, action) => people.set(`p${action.key % 7}`, person(action)),
    // Setting an entry that is there replaces its record: refs to the old one dangle.
    (m, action) => m.people.set(`p${action.key % 7}`, withPerson(person(action), m)),
  ],
  'people.delete': [
    ({ people }, { key }) => people.delete(`p${key % 7}`),
    (m, { key }) => m.people.delete(`p${key % 7}`),
  ],
  'people.change': [
    ({ people }, { key, number, text }) => {
      const one = people.get(`p${key % 7}`);
      if (one === undefined) return;
      one.age = number;
      one.note = key % 3 === 0 ? undefined : text;
    },
    (m, { key, number, text }) => {
      const one = m.people.get(`p${key % 7}`);
      if (one === undefined) return;
      one.age = number;
      one.note = key % 3 === 0 ? undefined : text;
    },
  ],
  'every.set': [
    ({ every }, action) => every.set(action.key % 5, everyOf(action)),
    (m, action) => m.every.set(action.key % 5, everyModel(action)),
  ],
  'every.delete': [({ every }, { key }) => every.delete(key % 5), (m, { key }) => m.every.delete(key % 5)],
  'every.change': [
    ({ every }, action) => {
      const one = every.get(action.key % 5);
      if (one !== undefined) Object.assign(one, everyOf({ ...action, key: (action.key + 1) % 40 }));
    },
    (m, action) => {
      const one = m.every.get(action.key % 5);
      if (one === undefined) return;
      const { owned, ...values } = everyOf({ ...action, key: (action.key + 1) % 40 });
      Object.assign(one, values, { owned: { ...owned, note: undefined } });
    },
  ],
  'every.maybe': [
    ({ every }, { key, number }) => {
      const one = every.get(key % 5);
      if (one !== undefined) one.maybe = key % 2 === 0 ? number : undefined;
    },
    (m, { key, number }) => {
      const one = m.every.get(key % 5);
      if (one !== undefined) one.maybe = key % 2 === 0 ? number : undefined;
    },
  ],
  'every.boss': [
    ({ every, people }, { key }) => {
      const one = every.get(key % 5);
      const boss = people.get(`p${key % 7}`);
      if (one !== undefined && boss !== undefined) one.boss = boss;
    },
    (m, { key }) => {
      const one = m.every.get(key % 5);
      const boss = m.people.get(`p${key % 7}`);
      if (one !== undefined && boss !== undefined) one.boss = boss.id;
    },
  ],
  'every.parts': [
    ({ every }, { key, number, text }) => {
      const one = every.get(key % 5);
      if (one === undefined) return;
      one.parts.push(number);
      one.waiting.push(text);
      if (key % 3 === 0) one.waiting.shift();
      one.count.add(key);
      one.index.set(text.slice(0, 3), number);
    },
    (m, { key, number, text }) => {
      const one = m.every.get(key % 5);
      if (one === undefined) return;
      one.parts.push(number);
      one.waiting.push(text);
      if (key % 3 === 0) one.waiting.shift();
      one.count += key;
      one.index.set(text.slice(0, 3), number);
    },
  ],
  ...listActions('texts', ({ text }) => text),
  ...listActions('doubles', ({ number }) => number),
  ...listActions('wide', ({ key, number }) => (key % 3 === 0 ? undefined : number)),
  'staff.push': [
    ({ staff }, action) => staff.push(person(action)),
    (m, action) => m.staff.push({ note: undefined, ...person(action) }),
  ],
  'staff.remove': [
    ({ staff }, { key }) => staff.length > 0 && staff.remove(key % staff.length),
    (m, { key }) => m.staff.length > 0 && m.staff.splice(clip(m.staff, key), 1),
  ],
  'line.push': [
    ({ line }, { key, text }) => {
      for (let k = 0; k < 1 + key * (key % 4); k++) line.push(text.slice(0, 20));
    },
    (m, { key, text }) => {
      for (let k = 0; k < 1 + key * (key % 4); k++) m.line.push(text.slice(0, 20));
    },
  ],
  'line.shift': [
    ({ line }, { key }) => {
      for (let k = 0; k < key; k++) line.shift();
    },
    (m, { key }) => void m.line.splice(0, key),
  ],
  'jobs.push': [
    ({ jobs }, action) => jobs.push(person(action)),
    (m, action) => m.jobs.push({ note: undefined, ...person(action) }),
  ],
  'jobs.shift': [({ jobs }) => jobs.shift(), (m) => m.jobs.shift()],
  'jobs.clear': [({ jobs }) => jobs.clear(), (m) => void m.jobs.splice(0)],
  'total.add': [
    ({ total }, { key }) => total.add(key),
    (m, { key }) => {
      m.total += key;
    },
  ],
  'total.set': [
    ({ total }, { number }) => total.set(number),
    (m, { number }) => {
      m.total = number;
    },
  ],
};

/** -0 and 0 are one key. */
function zero(number) {
  return number === 0 ? 0 : number;
}

function listActions(name, makeValue) {
  return {
    [`${name}.push`]: [
      (root, action) => {
        for (let k = 0; k < 1 + (action.key % 30); k++) root[name].push(makeValue(action));
      },
      (m, action) => {
        for (let k = 0; k < 1 + (action.key % 30); k++) m[name].push(makeValue(action));
      },
    ],
    [`${name}.pop`]: [
      (root, { key }) => {
        for (let k = 0; k < key; k++) root[name].pop();
      },
      (m, { key }) => void m[name].splice(Math.max(0, m[name].length - key)),
    ],
    [`${name}.set`]: [
      (root, action) => root[name].length > 0 && root[name].set(action.key % root[name].length, makeValue(action)),
      (m, action) => {
        if (m[name].length > 0) m[name][clip(m[name], action.key)] = makeValue(action);
      },
    ],
    [`${name}.insert`]: [
      (root, action) => root[name].insert(Math.min(action.key, root[name].length), makeValue(action)),
      (m, action) => void m[name].splice(Math.min(action.key, m[name].length), 0, makeValue(action)),
    ],
    [`${name}.clear`]: [(root) => root[name].clear(), (m) => void m[name].splice(0)],
  };
}

/**
 * Runs a tree of steps on a real store: a step is an action, or { level, fails }: steps in a nested transaction that may throw at its end.
 */
export function runReal(store, steps) {
  for (const step of steps) {
    if (step.level === undefined) ACTIONS[step.do][0](store.root, step);
    else
      attempt(() =>
        store.transaction(() => {
          runReal(store, step.level);
          if (step.fails) throw new Error('planned');
        }),
      );
  }
}

/** The same on a model; returns the model as it is then. */
export function runModel(model, steps) {
  let now = model;
  for (const step of steps) {
    if (step.level === undefined) {
      ACTIONS[step.do][1](now, step);
      continue;
    }
    const before = structuredClone(now);
    now = runModel(now, step.level);
    if (step.fails) now = { ...before, born: now.born };
  }
  return now;
}

function attempt(body) {
  try {
    body();
  } catch (error) {
    if (error.message !== 'planned') throw error;
  }
}

/** The store's whole content in the form of {@link modelContent}. Refs are told by the key of who they mean. */
export function realContent({ root, journal, store }) {
  return store.read(() => ({
    numbers: [...root.numbers],
    names: [...root.names],
    fan: [...root.fan].map(([key, value]) => [key[0], value]),
    pairs: [...root.pairs].map(([key, value]) => [key.join(), Buffer.from(value).toString('latin1')]),
    deep: [...root.deep].map(([key, inner]) => [key, [...inner]]),
    people: [...root.people].map(([key, one]) => [key, { name: one.name, age: one.age, note: one.note }]),
    every: [...root.every].map(([key, one]) => [key, everyContent(one, root, journal)]),
    ...{ texts: root.texts.toArray(), doubles: root.doubles.toArray(), wide: root.wide.toArray() },
    staff: root.staff.toArray().map(({ name, age, note }) => ({ name, age, note })),
    line: root.line.toArray(),
    jobs: root.jobs.toArray().map(({ name, age, note }) => ({ name, age, note })),
    total: root.total.value,
    sizes: [
      root.numbers.size,
      root.names.size,
      root.fan.size,
      root.pairs.size,
      root.people.size,
      root.texts.length,
      root.line.length,
    ],
  }));
}

function everyContent(one, root, journal) {
  const { inner, owned, parts, waiting, count, index } = one;
  const scalars = {};
  for (const name of [...'abcdefgh', 'yes', 'big', 'huge', 'at', 'kind', 'maybe', 'words', 'any', 'limit'])
    scalars[name] = one[name];
  return {
    ...scalars,
    raw: [...one.raw],
    boss: journal.isDangling(one, 'boss') ? 'gone' : one.boss === undefined ? 'none' : nameOf(one.boss, root, journal),
    inner: { x: inner.x, y: inner.y },
    owned: { name: owned.name, age: owned.age, note: owned.note },
    ...{ parts: parts.toArray(), waiting: waiting.toArray(), count: count.value, index: [...index] },
  };
}

function nameOf(boss, root) {
  for (const [key, one] of root.people) if (one === boss || one.name === boss.name) return key;
  return 'nobody';
}

const byUtf8 = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const byNumber = ([a], [b]) => a - b;

export function modelContent(m) {
  const personOf = ({ name, age, note }) => ({ name, age, note });
  return {
    numbers: [...m.numbers].sort(byNumber),
    names: [...m.names].sort(byUtf8),
    fan: [...m.fan].sort(byNumber),
    pairs: [...m.pairs].sort(([a], [b]) => comparePairs(a, b)),
    deep: [...m.deep].sort(byUtf8).map(([key, inner]) => [key, [...inner].sort(byUtf8)]),
    people: [...m.people].sort(byUtf8).map(([key, one]) => [key, personOf(one)]),
    every: [...m.every].sort(byNumber).map(([key, one]) => [key, everyModelContent(one, m)]),
    ...{
      texts: m.texts,
      doubles: m.doubles,
      wide: m.wide,
      staff: m.staff.map(personOf),
      line: m.line,
      jobs: m.jobs.map(personOf),
    },
    total: m.total,
    sizes: [m.numbers.size, m.names.size, m.fan.size, m.pairs.size, m.people.size, m.texts.length, m.line.length],
  };
}

function comparePairs(a, b) {
  const [nameA, numberA] = a.split(',');
  const [nameB, numberB] = b.split(',');
  return nameA < nameB ? -1 : nameA > nameB ? 1 : Number(numberA) - Number(numberB);
}

function everyModelContent({ boss, raw, index, owned, ...values }, m) {
  const target = [...m.people].find(([, one]) => one.id === boss);
  const sameName =
    target === undefined ? undefined : [...m.people].sort(byUtf8).find(([, one]) => one.name === target[1].name);
  return {
    ...values,
    raw: [...raw],
    owned: { name: owned.name, age: owned.age, note: owned.note },
    boss: boss === 0 ? 'none' : target === undefined ? 'gone' : sameName[0],
    index: [...index].sort(byUtf8),
  };
}
