// From what a config file exports to a complete `Config`, or to one error that lists everything that is wrong with it.

import { isIP } from 'node:net';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { parseDurationMs } from '../define/duration.ts';
import { suggestion } from '../define/nearest-name.ts';
import { MofoError } from '../errors.ts';
import type { Config } from './config.ts';
import {
  configDefaults as defaults,
  heapLimitBytesMin,
  maxBodyBytesMax,
  storeSizeBytesMax,
  storeSizeBytesMin,
  storeSizeStepBytes,
} from './defaults.ts';
import { patternProblem } from './module-files.ts';
import { parseSizeBytes, showSize } from './size.ts';

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where: `http.port`. */
  readonly path: string;
  /** What, and what would be right. */
  readonly message: string;
}

const name = (what: string): v.GenericSchema<string> =>
  v.pipe(
    v.string(`${what} must be a text`),
    v.regex(
      /^[a-z0-9][a-z0-9_-]{0,63}$/i,
      `${what} must be 1 to 64 letters, digits, _ or -, beginning with a letter or digit`,
    ),
  );

const text = v.pipe(v.string('must be a text'), v.minLength(1, 'must not be empty'));

const whole = (minimum: number, maximum: number): v.GenericSchema<number> => {
  const message = `must be a whole number from ${minimum} to ${maximum.toLocaleString('en-US')}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(minimum, message), v.maxValue(maximum, message));
};

const durationMs = (minimumMs: number): v.GenericSchema<unknown, number> =>
  v.pipe(
    v.unknown(),
    v.transform((value) => parseDurationMs(value) ?? Number.NaN),
    v.check(
      (value) => !Number.isNaN(value),
      "is no duration: write milliseconds as a number, or '100ms', '30s', '5m', '2h', '1d'",
    ),
    v.minValue(minimumMs, `must be at least ${minimumMs} ms`),
  );

const sizeBytes = (minimum: number, maximum: number): v.GenericSchema<unknown, number> =>
  v.pipe(
    v.unknown(),
    v.transform((value) => parseSizeBytes(value) ?? Number.NaN),
    v.check((value) => !Number.isNaN(value), "is no size: write bytes as a number, or '64KiB', '256MiB', '2GiB'"),
    v.check(
      (value) => value >= minimum && value <= maximum,
      `must be from ${showSize(minimum)} to ${showSize(maximum)}`,
    ),
  );

const storeSizeBytes = v.pipe(
  sizeBytes(storeSizeBytesMin, storeSizeBytesMax),
  v.check((value) => value % storeSizeStepBytes === 0, `must be a multiple of ${showSize(storeSizeStepBytes)}`),
);

const pattern = v.pipe(
  text,
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? patternProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

const host = v.pipe(
  text,
  v.check(
    (value) => isIP(value) !== 0 || value === 'localhost',
    "must be an IP address, such as '127.0.0.1' or '0.0.0.0', or 'localhost'",
  ),
);

/** Each section with the check of each key; the one list of what a config may say. */
const sections = {
  http: v.object({
    host: v.optional(host),
    port: v.optional(whole(0, 65_535)),
    maxBody: v.optional(sizeBytes(1, maxBodyBytesMax)),
    keepConnections: v.optional(v.boolean('must be true or false')),
  }),
  store: v.object({
    name: v.optional(name('it')),
    sizeBytes: v.optional(storeSizeBytes),
  }),
  snapshot: v.object({
    every: v.optional(
      v.union([v.literal(false), durationMs(100)], (issue) => issue.issues?.at(-1)?.message ?? 'is no duration'),
    ),
    atStop: v.optional(v.boolean('must be true or false')),
    keep: v.optional(whole(1, 1000)),
    directory: v.optional(text),
  }),
  probation: v.object({
    tasks: v.optional(whole(1, 1_000_000)),
    minimum: v.optional(durationMs(0)),
    deadline: v.optional(durationMs(1)),
  }),
  crashes: v.object({
    // As many reports as a version keeps.
    burst: v.optional(whole(1, 8)),
    window: v.optional(durationMs(1)),
  }),
};

const schema = v.object({
  name: name('it'),
  modules: v.optional(
    v.pipe(
      v.unknown(),
      v.transform((value) => (typeof value === 'string' ? [value] : value)),
      v.array(pattern, "must be a pattern such as './modules/*.ts', or a list of them"),
      v.minLength(1, 'must name at least one pattern'),
    ),
  ),
  ...(Object.fromEntries(Object.entries(sections).map(([key, section]) => [key, v.optional(section)])) as {
    [K in keyof typeof sections]: v.OptionalSchema<(typeof sections)[K], undefined>;
  }),
  hangAfter: v.optional(durationMs(10)),
  heapLimitBytes: v.optional(sizeBytes(heapLimitBytesMin, storeSizeBytesMax)),
  workers: v.optional(whole(0, 1024)),
  durability: v.optional(v.picklist(['memory', 'snapshot', 'disk'], "must be 'memory' or 'snapshot'")),
  directory: v.optional(text),
});

/**
 * Checks what a config file exports and completes it with the defaults.
 *
 * @param input What the file exports.
 * @param appDirectory The absolute directory of the config file; relative paths begin there.
 * @param file Name of the config file, for messages.
 * @throws MofoError CONFIG_UNKNOWN_KEY or CONFIG_INVALID with `data.problems`, everything that is wrong; NOT_YET for what follows
 *   in a later release.
 */
export function validateConfig(input: unknown, appDirectory: string, file = 'the config'): Config {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw refused('CONFIG_INVALID', file, [
      { path: '(config)', message: 'must be an object: export default defineConfig({ … })' },
    ]);
  }
  const unknown = unknownKeys(input as Readonly<Record<string, unknown>>);
  const result = v.safeParse(schema, input, { abortPipeEarly: true });
  const invalid = result.success ? [] : result.issues.map((issue) => problemOf(issue, input));
  if (unknown.length > 0) throw refused('CONFIG_UNKNOWN_KEY', file, [...unknown, ...invalid]);
  if (!result.success) throw refused('CONFIG_INVALID', file, invalid);
  refuseNotYet(result.output, file);
  const config = complete(result.output, appDirectory);
  if (config.probation.minimumMs > config.probation.deadlineMs) {
    throw refused('CONFIG_INVALID', file, [
      { path: 'probation.minimum', message: 'must not be longer than probation.deadline' },
    ]);
  }
  return config;
}

type Parsed = v.InferOutput<typeof schema>;

function complete(parsed: Parsed, appDirectory: string): Config {
  const directory = resolve(appDirectory, parsed.directory ?? defaults.directory);
  const every = parsed.snapshot?.every ?? defaults.snapshotEveryMs;
  return {
    name: parsed.name,
    modules: parsed.modules ?? defaults.modules,
    http: {
      host: parsed.http?.host ?? defaults.host,
      port: parsed.http?.port ?? defaults.port,
      maxBodyBytes: parsed.http?.maxBody ?? defaults.maxBodyBytes,
      keepConnections: parsed.http?.keepConnections ?? defaults.keepConnections,
    },
    store: { name: parsed.store?.name ?? parsed.name, sizeBytes: parsed.store?.sizeBytes ?? null },
    snapshot: {
      everyMs: every === false ? null : every,
      atStop: parsed.snapshot?.atStop ?? null,
      keep: parsed.snapshot?.keep ?? defaults.snapshotKeep,
      directory:
        parsed.snapshot?.directory === undefined
          ? resolve(directory, defaults.snapshotDirectory)
          : resolve(appDirectory, parsed.snapshot.directory),
    },
    probation: {
      tasks: parsed.probation?.tasks ?? defaults.probationTasks,
      minimumMs: parsed.probation?.minimum ?? defaults.probationMinimumMs,
      deadlineMs: parsed.probation?.deadline ?? defaults.probationDeadlineMs,
    },
    crashes: {
      burst: parsed.crashes?.burst ?? defaults.crashBurst,
      windowMs: parsed.crashes?.window ?? defaults.crashWindowMs,
    },
    hangAfterMs: parsed.hangAfter ?? defaults.hangAfterMs,
    heapLimitBytes: parsed.heapLimitBytes ?? null,
    workers: parsed.workers ?? defaults.workers,
    durability: parsed.durability === 'memory' ? 'memory' : defaults.durability,
    directory,
  };
}

function refuseNotYet(parsed: Parsed, file: string): void {
  const workers = parsed.workers ?? defaults.workers;
  if (workers > 1) {
    const message = `${file} wants ${workers} workers; this release serves from main alone. Nothing was started. Write workers: 1, or leave it out.`;
    throw new MofoError('NOT_YET', message, { data: { path: 'workers' } });
  }
  if (parsed.durability === 'disk') {
    const message = `${file} wants durability 'disk', which follows in a later release. Nothing was started. Write 'snapshot' or 'memory'.`;
    throw new MofoError('NOT_YET', message, { data: { path: 'durability' } });
  }
}

function unknownKeys(input: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const problems = unknownOf(input, Object.keys(schema.entries), '');
  for (const [key, section] of Object.entries(sections)) {
    const value = input[key];
    if (typeof value !== 'object' || value === null) continue;
    problems.push(...unknownOf(value as Readonly<Record<string, unknown>>, Object.keys(section.entries), `${key}.`));
  }
  return problems;
}

function unknownOf(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  prefix: string,
): ConfigProblem[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: prefix + key, message: `is no key of a config.${suggestion(key, known)}` }));
}

function problemOf(issue: v.BaseIssue<unknown>, input: unknown): ConfigProblem {
  const keys = issue.path?.map((item) => String(item.key)) ?? [];
  let value: unknown = input;
  for (const key of keys) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  if (value === undefined) return { path: keys.join('.'), message: 'is missing' };
  const isSection = keys.length === 1 && Object.hasOwn(sections, keys[0]!);
  return {
    path: keys.join('.'),
    message: `${isSection ? 'must be an object' : issue.message}, but is ${JSON.stringify(value)}`,
  };
}

function refused(
  code: 'CONFIG_INVALID' | 'CONFIG_UNKNOWN_KEY',
  file: string,
  problems: readonly ConfigProblem[],
): MofoError {
  const list = problems.map((problem) => `\n  ${problem.path}: ${problem.message}`).join('');
  const places = problems.length === 1 ? 'one place' : `${problems.length} places`;
  return new MofoError(code, `${file} is wrong in ${places}. Nothing was started. Correct this:${list}`, {
    data: { problems },
  });
}
