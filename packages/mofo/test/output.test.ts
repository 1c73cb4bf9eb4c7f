import { describe, expect, it } from 'vitest';
import { MofoError } from '../src/errors.ts';
import {
  codeFrame,
  errorLines,
  eventLines,
  openProgress,
  openTerminal,
  type Terminal,
  type TextStream,
  tableLines,
  writeBanner,
  writeError,
  writeEvent,
} from '../src/output/index.ts';
import { describe as describeError } from '../src/runtime/describe-error.ts';

/** A terminal whose writing is gathered. */
function gathering(options: { isTTY?: boolean; json?: boolean; environment?: Record<string, string> } = {}): {
  terminal: Terminal;
  text: () => string;
} {
  const written: string[] = [];
  const stream: TextStream = { isTTY: options.isTTY ?? false, columns: 200, write: (text) => written.push(text) };
  const terminal = openTerminal({
    output: stream,
    errors: stream,
    json: options.json ?? false,
    environment: options.environment ?? {},
  });
  return { terminal, text: () => written.join('') };
}

const at = new Date(2026, 10, 24, 14, 2, 11).getTime();

describe('colours', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
  ])('on a terminal %s with %j: %s', (isTTY, environment, expected) => {
    expect(gathering({ isTTY, environment }).terminal.paint('red', 'x') !== 'x').toBe(expected);
  });
});

describe('the timeline', () => {
  const event = {
    at,
    kind: 'update',
    module: 'fees',
    version: 'a1f3d2',
    message: 'updated in 31 ms',
    data: { state: 'probation' },
  } as const;

  it('has one plain line for an event where nobody looks', () => {
    const { terminal, text } = gathering();
    writeEvent(terminal, event);
    expect(text()).toBe(`  14:02:11  fees@a1f3d2    updated in 31 ms${' '.repeat(46)}probation\n`);
  });

  it('puts frames below the line', () => {
    const lines = eventLines(gathering().terminal, {
      at,
      kind: 'warning',
      module: 'accounts',
      message: 'not loaded',
      data: { frame: '> 1 | x\n    | ^' },
    });
    expect(lines).toEqual(['  14:02:11  accounts       not loaded', '            > 1 | x', '                | ^']);
  });

  it('is JSON for programs', () => {
    const { terminal, text } = gathering({ json: true, isTTY: true });
    writeBanner(terminal, { version: '0.1.0', name: 'bank' });
    writeEvent(terminal, event);
    const [banner, line] = text()
      .trim()
      .split('\n')
      .map((json) => JSON.parse(json));
    expect(banner).toMatchObject({ kind: 'banner', name: 'bank' });
    expect(line).toEqual(event);
  });

  it('shows the banner, hints to people only', () => {
    const facts = {
      version: '0.1.0',
      name: 'bank',
      url: 'http://localhost:3000',
      store: '256 MiB (3.1 MiB used)',
      clone: 'clone ready (pid 4312)',
      hint: 'press h for help',
    };
    const plain = gathering();
    writeBanner(plain.terminal, facts);
    expect(plain.text()).toBe(
      '  mofo 0.1.0   bank   http://localhost:3000   store 256 MiB (3.1 MiB used)   clone ready (pid 4312)\n\n',
    );
    const interactive = gathering({ isTTY: true });
    writeBanner(interactive.terminal, facts);
    expect(interactive.text()).toContain('press h for help');
  });
});

describe('errors', () => {
  it.each([
    ['in the name', Object.assign(new Error('it is gone'), { name: 'ShmStoreError [NOT_FOUND]', code: 'NOT_FOUND' })],
    [
      'in the message',
      Object.assign(new Error('[NOT_FOUND] it is gone'), { name: 'VersionsError', code: 'NOT_FOUND' }),
    ],
    ['as the system does', Object.assign(new Error('NOT_FOUND: it is gone'), { code: 'NOT_FOUND' })],
  ])('say their code once, wherever it stands: %s', (_where, error) => {
    const { terminal, text } = gathering({ json: true });
    writeError(error, terminal);
    expect(JSON.parse(text())).toEqual({ error: { code: 'NOT_FOUND', message: 'it is gone' } });
    expect(errorLines(error, gathering().terminal)[0]).toMatch(/^\w+ \[NOT_FOUND\]: it is gone$/);
    // With its place, for this file is in the folder of the process.
    expect(describeError(error)).toMatch(/^NOT_FOUND at \S+output\.test\.ts:\d+:\d+: it is gone$/);
  });

  it('say code, what happened, and below it what to do', () => {
    const error = new MofoError(
      'MODULE_UNAVAILABLE',
      'store "bank" is full: 10 of 10 bytes. The transaction was rolled back. Raise store.sizeBytes.',
    );
    expect(errorLines(error, gathering().terminal)).toEqual([
      'MofoError [MODULE_UNAVAILABLE]: store "bank" is full: 10 of 10 bytes.',
      '  The transaction was rolled back. Raise store.sizeBytes.',
    ]);
  });

  it('show a stack only if nobody foresaw them', () => {
    const lines = errorLines(new TypeError('x is undefined'), gathering().terminal);
    expect(lines[0]).toBe('TypeError [UNEXPECTED]: x is undefined');
    expect(lines[1]).toMatch(/^ {4}at /);
  });

  it('are JSON for programs', () => {
    const { terminal, text } = gathering({ json: true });
    writeError(new MofoError('USAGE', 'no', { data: { a: 1 } }), terminal);
    expect(JSON.parse(text())).toEqual({ error: { code: 'USAGE', message: 'no', data: { a: 1 } } });
  });
});

describe('tables', () => {
  it('line up wide characters and colours, numbers to the right', () => {
    const { terminal } = gathering({ isTTY: true });
    const lines = tableLines(
      [
        ['日本', '1'],
        [terminal.paint('red', 'ab'), '200'],
      ],
      { alignRight: [1] },
    );
    expect(lines).toEqual(['  日本    1', `  ${terminal.paint('red', 'ab')}    200`]);
  });
});

describe('progress', () => {
  it('writes a line for each tenth and each phase into a log', () => {
    const { terminal, text } = gathering();
    let time = 0;
    const progress = openProgress(terminal, 'snapshot', () => time);
    for (let done = 0; done <= 1000; done += 5) {
      time += 10;
      progress.update({
        doneBytes: done * 2 ** 20,
        totalBytes: 1000 * 2 ** 20,
        phase: done < 500 ? 'copying' : 'writing',
      });
    }
    progress.done('snapshot 3 taken');
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(12);
    expect(lines[5]).toMatch(
      /^snapshot {2}█{14}░{14} {3}50 % {2}500 MiB of 1000 MiB {2}\d+ MiB\/s {2}\d+ s left {2}writing$/,
    );
    expect(lines.at(-1)).toBe('snapshot 3 taken');
  });

  it('is silent for programs, and redraws for people', () => {
    const programs = gathering({ json: true });
    openProgress(programs.terminal, 'x').update({ doneBytes: 1 });
    expect(programs.text()).toBe('');
    const people = gathering({ isTTY: true });
    const progress = openProgress(people.terminal, 'x');
    progress.update({ doneBytes: 5, totalBytes: 10 });
    progress.done('ready');
    expect(people.text()).toContain('50 %');
    expect(people.text()).toContain('ready');
  });
});

describe('code frames', () => {
  it('keep tabs and point at the column', () => {
    expect(codeFrame('a\n\tfoo(;\nb', 2, 6)).toBe('  1 | a\n> 2 | \tfoo(;\n    | \t    ^\n  3 | b');
  });
  it.each([[0], [99], [Number.NaN]])('of line %s are empty', (line) => expect(codeFrame('a', line, 1)).toBe(''));
});
