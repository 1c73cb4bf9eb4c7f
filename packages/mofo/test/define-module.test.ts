import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../src/define/duration.ts';
import { defineModule, defineTask, isModuleDefinition } from '../src/define/index.ts';
import { nearestName } from '../src/define/nearest-name.ts';
import { parseRouteKey } from '../src/define/route-key.ts';
import { MofoError } from '../src/errors.ts';

/** The problems that an untyped declaration is refused with, as `path: message`. */
function problemsOf(input: unknown): string[] {
  try {
    defineModule(input as Parameters<typeof defineModule>[0]);
  } catch (error) {
    expect(error).toBeInstanceOf(MofoError);
    expect((error as MofoError).code).toBe('MODULE_INVALID');
    return (error as MofoError & { data: { problems: { path: string; message: string }[] } }).data.problems.map(
      (problem) => `${problem.path}: ${problem.message}`,
    );
  }
  return [];
}

describe('defineModule', () => {
  it('gives a frozen definition with every part present', () => {
    const module = defineModule({ name: 'fees' });
    expect(Object.isFrozen(module)).toBe(true);
    expect(module).toMatchObject({
      kind: 'module',
      name: 'fees',
      uses: {},
      state: {},
      exports: {},
      tasks: {},
      http: {},
    });
    expect(isModuleDefinition(module)).toBe(true);
    expect(isModuleDefinition({ ...module })).toBe(false);
  });

  const run = (): void => {};
  const rows: [string, unknown, string][] = [
    ['no object', 5, '(module): is 5'],
    ['no name', {}, 'name: undefined is no name'],
    ['a name that is no directory name', { name: '../x' }, 'name: "../x" is no name'],
    [
      'an unknown key with its neighbour',
      { name: 'x', task: {} },
      'task: is no part of a module. Did you mean "tasks"?',
    ],
    ['a key of the prototype', { name: 'x', constructor: run }, 'constructor: is no part of a module.'],
    [
      'a use that is a value',
      { name: 'x', uses: { fees: 'fees' } },
      'uses.fees: is "fees"; write uses<typeof module>()',
    ],
    ['state that is no field type', { name: 'x', state: { total: 0 } }, 'state.total: is 0; write a field type'],
    ['an export that is no function', { name: 'x', exports: { rate: 3 } }, 'exports.rate: is 3; it must be a function'],
    ['exports that are an array', { name: 'x', exports: [] }, 'exports: is an array; it must be an object'],
    [
      'a task without run',
      { name: 'x', tasks: { t: { every: 5 } } },
      'tasks.t.run: is undefined; it must be a function',
    ],
    ['a bad interval', { name: 'x', tasks: { t: { every: '5', run } } }, 'tasks.t.every: is no duration'],
    ['an interval of zero', { name: 'x', tasks: { t: { every: 0, run } } }, 'tasks.t.every: must be at least 1 ms'],
    [
      'a mistyped option',
      { name: 'x', tasks: { t: { retry: 1, run } } },
      'tasks.t.retry: is no option of a task. Did you mean "retries"?',
    ],
    ['two times', { name: 'x', tasks: { t: { every: 5, cron: '* * * * *', run } } }, 'tasks.t: has every and cron'],
    [
      'too many retries',
      { name: 'x', tasks: { t: { retries: 101, run } } },
      'tasks.t.retries: must be a whole number from 0 to 100',
    ],
    ['a zone without cron', { name: 'x', tasks: { t: { timeZone: 'UTC', run } } }, 'tasks.t.timeZone: belongs to cron'],
    ['a route without method', { name: 'x', http: { '/a': run } }, 'http["/a"]: is no route'],
    ['a handler that is none', { name: 'x', http: { 'GET /a': 'hello' } }, 'http["GET /a"]: is "hello"; write'],
    [
      'a migration without layout',
      { name: 'x', migrate: { Account: run } },
      "migrate.Account: must be named 'Type:layout'",
    ],
    ['a start that is none', { name: 'x', start: true }, 'start: is true; it must be a function'],
  ];
  for (const [name, input, expected] of rows) {
    it(`refuses ${name}`, () => {
      expect(
        problemsOf(input).some((problem) => problem.startsWith(expected)),
        problemsOf(input).join('\n'),
      ).toBe(true);
    });
  }

  it('lists every problem at once', () => {
    expect(problemsOf({ name: '', exports: { a: 1, b: 2 }, tasks: { t: {} } })).toHaveLength(4);
  });

  it('takes a task that was declared outside', () => {
    const mail = defineTask({ retries: 2 }, (_ctx, _to: string) => {});
    expect(defineModule({ name: 'x', tasks: { mail } }).tasks.mail).toMatchObject({ retries: 2 });
  });
});

describe('durations', () => {
  it.each([
    [5, 5],
    ['100ms', 100],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['5', undefined],
    ['-5s', undefined],
    ['366d', undefined],
    [Number.NaN, undefined],
    [{}, undefined],
  ])('%j is %j ms', (value, expected) => expect(parseDurationMs(value)).toBe(expected));
});

describe('route keys', () => {
  it.each(['GET /', 'POST /accounts/:id', 'GET /files/**:path', 'DELETE /a/b.c/', 'GET /x%20y'])('%s is one', (key) =>
    expect(parseRouteKey(key).problem).toBeUndefined(),
  );
  it.each(['get /', 'GET', 'GET a', 'FOO /', 'GET //a', 'GET /:a/:a', 'GET /:', 'GET /**/x', 'GET /a?b', 'GET /a(b)'])(
    '%s is none',
    (key) => expect(parseRouteKey(key).problem).toBeTypeOf('string'),
  );
});

describe('the nearest name', () => {
  it.each([
    ['prot', ['host', 'port'], 'port'],
    ['snapshots', ['snapshot', 'store'], 'snapshot'],
    ['dir', ['name', 'directory'], 'directory'],
    ['zzz', ['host', 'port'], undefined],
    ['', ['host'], undefined],
  ] as [string, string[], string | undefined][])('to %j among %j is %j', (name, known, expected) =>
    expect(nearestName(name, known)).toBe(expected),
  );
});
