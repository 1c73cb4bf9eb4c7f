// The command line and the output that all soaks share: pnpm soak <name> [--minutes N | --count N] [--seed S] [--json].

import { parseArgs } from 'node:util';

/**
 * Reads the arguments of a soak. `extra` adds options of its own, as for parseArgs.
 *
 * @returns { minutes, count, seed, json, until, … }: `until` is the time at which --minutes are over, or Infinity
 */
export function readOptions(soak, defaults, extra = {}) {
  const options = {
    minutes: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    ...extra,
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    usage(soak, error.message);
  }
  const seed = Number(values.seed);
  const count = values.count === undefined ? undefined : Number(values.count);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (!Number.isInteger(seed)) usage(soak, '--seed takes a whole number');
  if (count !== undefined && !(Number.isInteger(count) && count > 0))
    usage(soak, '--count takes a whole number above 0');
  if (minutes !== undefined && !(minutes > 0)) usage(soak, '--minutes takes a number above 0');
  const chosen = { ...defaults, ...values, seed, ...(count === undefined ? {} : { count }) };
  const limit = minutes ?? (count === undefined ? defaults.minutes : undefined);
  return {
    ...chosen,
    minutes: limit,
    until: limit === undefined ? Number.POSITIVE_INFINITY : Date.now() + limit * 60_000,
  };
}

/** Gathers rows { soak, case, tried, failed, seed, minutes } and ends the program: exit code 1 if anything failed. */
export class Rows {
  #rows = [];
  #soak;
  #options;
  #start = Date.now();

  constructor(soak, options) {
    this.#soak = soak;
    this.#options = options;
  }

  /** Adds a row; `problems` are printed to stderr. */
  add(name, tried, problems) {
    const minutes = Math.round((Date.now() - this.#start) / 600) / 100;
    const failed = problems.length;
    const row = { soak: this.#soak, case: name, tried, failed, seed: this.#options.seed, minutes };
    this.#rows.push(row);
    for (const problem of problems.slice(0, 20)) console.error(`${name}: ${problem}`);
    if (problems.length > 20) console.error(`${name}: … and ${problems.length - 20} more`);
    if (!this.#options.json) console.log(JSON.stringify(row));
    // A case that tried nothing proves nothing.
    if (failed > 0 || tried === 0) process.exitCode = 1;
  }

  end() {
    if (this.#options.json) console.log(JSON.stringify(this.#rows));
    if (process.exitCode === 1)
      console.error(`To run this again: pnpm soak ${this.#soak} --seed ${this.#options.seed}`);
  }
}

const ends = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const end of ends) end();
    process.exit(1);
  });
}

/** Takes what must be put away however the soak ends, also by a signal; returns a function that does it once. */
export function atEnd(cleanUp) {
  const end = () => {
    if (ends.delete(end)) cleanUp();
  };
  ends.add(end);
  return end;
}

function usage(soak, message) {
  console.error(`${message}\nusage: pnpm soak ${soak} [--minutes N | --count N] [--seed S] [--quick] [--json]`);
  process.exit(2);
}
