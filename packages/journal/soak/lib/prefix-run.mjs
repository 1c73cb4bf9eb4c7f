// Runs shapes, sequences and random transactions through a prefix store, and counts the states that were tried.

import { introduceTypes, Planned, shapes } from './prefix-shapes.mjs';
import { randomFrom } from './random.mjs';

/** Runs steps in order. */
function runAll(steps) {
  for (const step of steps) step();
}

/** How the operations of a sequence are put into one transaction. `fail` runs its part as a level that is rolled back, `level` as one that joins. */
const NESTINGS = {
  flat: (steps) => runAll(steps),
  'the last in a level': (steps, { level }) => {
    runAll(steps.slice(0, -1));
    level(() => steps.at(-1)());
  },
  'the last undone': (steps, { fail }) => {
    runAll(steps.slice(0, -1));
    fail(() => steps.at(-1)());
  },
  'the first undone': ([first, ...others], { fail }) => {
    fail(() => first());
    runAll(others);
  },
  'undone inside a level': (steps, { level, fail }) => {
    level(() => {
      steps[0]();
      fail(() => runAll(steps.slice(1)));
      steps[0]();
    });
  },
  'everything undone': (steps) => {
    runAll(steps);
    throw new Planned();
  },
};

const BARE_NESTINGS = new Set(['flat', 'the last in a level', 'the last undone', 'everything undone']);

export class PrefixRun {
  states = 0;
  stores = 0;
  sequences = 0;
  problems = [];

  constructor(prefix, { seed = 1, recoveryCuts = 2, statesMax = 0 } = {}) {
    this.prefix = prefix;
    this.seed = seed;
    this.recoveryCuts = recoveryCuts;
    this.statesMax = statesMax;
    this.random = randomFrom(seed);
  }

  /** One transaction, cut everywhere; `name` is for messages. */
  try(name, body, options = {}) {
    let report;
    try {
      const { recoveryCuts, seed, statesMax } = this;
      report = this.prefix.cut(body, { recoveryCuts, seed, statesMax, ...options });
    } catch (error) {
      this.problems.push(`${name}: ${error.stack}`);
      return;
    }
    this.states += report.states + report.recoveryStates;
    this.stores += report.stores;
    this.sequences++;
    for (const problem of report.problems) this.problems.push(`${name}: ${problem}`);
  }

  /**
   * Each operation of each shape alone, as a call of its own and in a transaction; then sequences of two and three, `share` of them (1: all), flat and nested,
   * and each also as transactions one after another. Stops at `until` (a time) or at the first problems.
   */
  runShapes({ length = 1, share = 1, until = Number.POSITIVE_INFINITY, only = () => true } = {}) {
    for (const [name, shape] of Object.entries(shapes())) {
      if (!only(name)) continue;
      const start = this.begin(shape);
      const operations = Object.entries(shape.operations);
      for (const sequence of sequencesOf(operations.length, length)) {
        if (this.problems.length > 0 || Date.now() > until) return;
        if (share < 1 && this.random(1e6) >= share * 1e6) continue;
        this.runSequence(
          name,
          shape,
          start,
          sequence.map((index) => operations[index]),
        );
      }
      this.end(start);
    }
  }

  /** Random transactions over one store that changes all the time, nested ones among them, until `isOver()`. */
  runRandom(isOver) {
    const { prefix, random } = this;
    const { store } = prefix;
    for (let turn = 0; this.problems.length === 0 && !isOver(turn); turn++) {
      if (turn % 200 === 0) this.begin({ prepare: () => undefined });
      this.try(`random transaction ${turn} of seed ${this.seed}`, () => randomBody(store, random, 0));
      if (turn % 20 === 19)
        for (const problem of prefix.check()) this.problems.push(`after random transaction ${turn}: ${problem}`);
    }
  }

  begin(shape) {
    const { prefix } = this;
    if (this.empty === undefined) {
      prefix.prepare(() => introduceTypes(prefix.store.root));
      this.empty = prefix.save();
    }
    prefix.restore(this.empty);
    const notes = {};
    const { store } = prefix;
    prefix.prepare(() => store.transaction(() => void shape.prepare(store.root, store, notes)));
    return { saved: prefix.save(), notes, shape };
  }

  /** Back at the start of a shape; returns what its operations note in. */
  reset({ saved, notes }) {
    this.prefix.restore(saved);
    return structuredClone(notes);
  }

  end(start) {
    this.reset(start);
    if (start.shape.isBare) return;
    for (const problem of this.prefix.check()) this.problems.push(problem);
  }

  runSequence(name, shape, start, sequence) {
    const { root } = this.prefix.store;
    const { store } = this.prefix;
    const title = `${name}: ${sequence.map(([step]) => step).join(', ')}`;
    const bind = (notes) =>
      sequence.map(
        ([, step]) =>
          () =>
            step(root, store, notes),
      );
    if (sequence.length === 1) {
      if (!shape.isBare) {
        const [alone] = bind(this.reset(start));
        this.try(`${title}, as a call of its own`, alone, { alone: isOneCall(sequence[0][1]) });
      }
      const [inside] = bind(this.reset(start));
      this.try(title, () => void inside());
      const [late] = bind(this.reset(start));
      this.try(`${title}, locked at its first write`, () => void late(), { lock: 'first-write' });
      const [undone] = bind(this.reset(start));
      this.try(`${title}, undone`, () => {
        undone();
        throw new Planned();
      });
      return;
    }
    const levels = {
      level: (body) => store.transaction(() => void body()),
      fail: (body) => failing(store, body),
    };
    for (const [nesting, run] of Object.entries(NESTINGS)) {
      // What bare operations note of their blocks is not rolled back with them.
      if (shape.isBare && !BARE_NESTINGS.has(nesting)) continue;
      const steps = bind(this.reset(start));
      this.try(`${title} (${nesting})`, () => run(steps, levels));
    }
    const steps = bind(this.reset(start));
    steps.forEach((step, index) => {
      this.try(`${title}, one by one, ${index + 1}`, () => void step());
    });
    if (shape.isBare) return;
    for (const problem of this.prefix.check()) this.problems.push(`${title}: ${problem}`);
  }
}

/** Operations that are one call on a collection; anything larger must be in a transaction to be one. */
function isOneCall(operation) {
  return (
    /^\(\{ \w+ \}\) => \w+\.\w+\([^;]*\)$/.test(operation.toString()) && !/\.\w+\([^)]*\)\./.test(operation.toString())
  );
}

function failing(store, body) {
  try {
    store.transaction(() => {
      body();
      throw new Planned();
    });
  } catch (error) {
    if (!(error instanceof Planned)) throw error;
  }
}

function* sequencesOf(count, length) {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of sequencesOf(count, length - 1)) for (let index = 0; index < count; index++) yield [...rest, index];
}

function randomBody(store, random, depth) {
  const { numbers, names, people, texts, doubles, line, jobs, total, deep } = store.root;
  for (let step = random(7); step >= 0; step--) {
    const key = random(40);
    const words = 'w'.repeat(random(8) === 0 ? random(20_000) : random(90));
    const steps = [
      () => numbers.set(key * 1000.5, key),
      () => {
        for (let k = 0; k < key; k++) numbers.delete(k * 1000.5);
      },
      () => names.set(`name ${key}`, words),
      () => names.delete(`name ${key}`),
      () => people.set(`p${key % 7}`, { name: words.slice(0, 50), age: key }),
      () => people.delete(`p${key % 7}`),
      () => {
        const person = people.get(`p${key % 7}`);
        if (person !== undefined) person.note = words.slice(0, 100);
      },
      () => texts.push(words),
      () => texts.pop(),
      () => doubles.insert(random(doubles.length + 1), key),
      () => line.push(words.slice(0, 30)),
      () => line.shift(),
      () => jobs.push({ name: words.slice(0, 20), age: key }),
      () => jobs.shift(),
      () => total.add(key),
      () => deep.ensure(`d${key % 4}`).set(words.slice(0, 5), key),
      () => deep.delete(`d${key % 4}`),
      () => {
        if (depth > 2) return;
        if (random(2) === 0) failing(store, () => randomBody(store, random, depth + 1));
        else store.transaction(() => randomBody(store, random, depth + 1));
      },
    ];
    steps[random(steps.length)]();
  }
  if (depth === 0 && random(5) === 0) throw new Planned();
}
