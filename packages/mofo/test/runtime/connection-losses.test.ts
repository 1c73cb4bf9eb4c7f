// What becomes of each kind of open request when main is killed: one kill for all rows, each on a connection of its own. What cannot be kept is reset, at once and
// cleanly, and counted by cause.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountingApp, type TakeoverCounters } from './support/counting-app.ts';
import { chunkedPost, get, post } from './support/http-bytes.ts';
import { type Answer, Connection } from './support/verified-clients.ts';

interface Row {
  readonly what: string;
  /** Sent before the kill. */
  readonly bytes: (pid: number) => string;
  /** Sent after it. */
  readonly rest?: string;
  /** Handlers that have begun before the kill. */
  readonly begun: number;
  readonly body?: unknown;
  /** How the client learns that there is no answer. */
  readonly problem?: RegExp;
  /** Under which it is counted. */
  readonly counted: string;
  /** Effects, by id. */
  readonly times?: Readonly<Record<string, number>>;
  /** The connection is closed after the answer. */
  readonly closes?: boolean;
}

const long = 'x'.repeat(40_000);
const half = post('/later/0/half', { pad: 'pad' });

const rows: readonly Row[] = [
  { what: 'nothing asked yet', bytes: () => '', rest: get('/echo/new'), begun: 0, body: { id: 'new' }, counted: '' },
  {
    what: 'half a head',
    bytes: () => get('/echo/h').slice(0, 20),
    rest: get('/echo/h').slice(20),
    begun: 0,
    body: { id: 'h' },
    counted: 'fed-again',
  },
  {
    what: 'a GET',
    bytes: (pid) => get(`/elsewhere/${pid}`),
    begun: 1,
    body: { elsewhere: true },
    counted: 'fed-again',
  },
  {
    what: 'a GET that closes the connection',
    bytes: (pid) => get(`/elsewhere/${pid}`, 'Connection: close\r\n'),
    begun: 1,
    body: { elsewhere: true },
    closes: true,
    counted: 'fed-again',
  },
  {
    what: 'a POST before its transaction, on a route that answers from one',
    bytes: (pid) => post(`/later/${pid}/before`, { pad: 'pad' }),
    begun: 1,
    body: { id: 'before', times: 1, pad: 3 },
    times: { before: 1 },
    counted: 'fed-again',
  },
  {
    what: 'half the body of such a POST',
    bytes: () => half.slice(0, -5),
    rest: half.slice(-5),
    begun: 1,
    body: { id: 'half', times: 1, pad: 3 },
    times: { half: 1 },
    counted: 'fed-again',
  },
  {
    what: 'a POST after its transaction, which has committed the answer',
    bytes: () => post('/withheld/after', { hold: true }),
    begun: 1,
    body: { id: 'after', times: 1, text: 'x'.repeat(100) },
    times: { after: 1 },
    counted: 'finished',
  },
  {
    what: 'a POST longer than 16 KiB after its transaction',
    bytes: () => post('/kept/long', { pad: long }),
    begun: 1,
    body: { id: 'long', times: 1, pad: long.length },
    times: { long: 1 },
    counted: 'finished',
  },
  {
    what: 'a committed answer that closes the connection',
    bytes: () => post('/withheld/last', { hold: true }, 'Connection: close\r\n'),
    begun: 1,
    body: { id: 'last', times: 1, text: 'x'.repeat(100) },
    times: { last: 1 },
    closes: true,
    counted: 'finished',
  },
  {
    what: 'a POST on a route that was never seen to answer from a transaction',
    bytes: (pid) => post(`/unknown/${pid}/u`, {}),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { u: 0 },
    counted: 'not-repeatable',
  },
  {
    what: 'a POST whose effect is committed without an answer',
    bytes: () => post('/loose/l', { hold: true }),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { l: 1 },
    counted: 'not-repeatable',
  },
  {
    what: 'a POST with a transaction before that of its answer',
    bytes: (pid) => post(`/twofold/${pid}/t`, {}),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { 't-first': 1, t: 0 },
    counted: 'not-repeatable',
  },
  {
    what: 'a POST that called an export before the transaction of its answer',
    bytes: (pid) => post(`/outside/${pid}/o`, {}),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { 'o-first': 1, o: 0 },
    counted: 'not-repeatable',
  },
  {
    what: 'a POST that changed its state by a single call before the transaction of its answer',
    bytes: (pid) => post(`/single/${pid}/s`, {}),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { 's-first': 1, s: 0 },
    counted: 'not-repeatable',
  },
  {
    what: 'a POST that looked at its state before the transaction of its answer',
    bytes: (pid) => post(`/looked/${pid}/k`, {}),
    begun: 1,
    body: { before: 0, times: 1 },
    times: { k: 1 },
    counted: 'fed-again',
  },
  {
    what: 'an answer that has been sent in part',
    bytes: () => get('/half/1'),
    begun: 1,
    problem: /^ECONNRESET after \d+ bytes$/,
    counted: 'answer-started',
  },
  {
    what: 'another answer than the committed one, sent in part',
    bytes: () => post('/other/x', {}),
    begun: 1,
    problem: /^ECONNRESET after \d+ bytes$/,
    times: { x: 1 },
    counted: 'answer-started',
  },
  {
    what: 'two requests at once',
    bytes: (pid) => get(`/elsewhere/${pid}`) + get('/echo/2'),
    begun: 2,
    problem: /^ECONNRESET$/,
    counted: 'pipelined',
  },
  {
    what: 'a request in chunks',
    bytes: (pid) => chunkedPost(`/later/${pid}/chunked`, { pad: '' }),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { chunked: 0 },
    counted: 'chunked',
  },
  {
    what: 'a request longer than 16 KiB',
    bytes: (pid) => post(`/later/${pid}/too-long`, { pad: long }),
    begun: 1,
    problem: /^ECONNRESET$/,
    times: { 'too-long': 0 },
    counted: 'too-big',
  },
  {
    what: 'a request that wants to be told to continue',
    bytes: (pid) => post(`/later/${pid}/continue`, { pad: '' }, 'Expect: 100-continue\r\n'),
    begun: 1,
    problem: /^ECONNRESET/,
    times: { continue: 0 },
    counted: 'unreadable',
  },
];

/** Long, for the machine may be busy. */
const LIMIT_MS = 90_000;

let counted: CountingApp;
let takeover: TakeoverCounters;
const answers = new Map<string, Answer>();
const connections = new Map<string, Connection>();
const idle: Connection[] = [];
const IDLE_COUNT = 5;

beforeAll(async () => {
  counted = await CountingApp.start();
  const { main } = await counted.app.bothReady();
  for (let n = 0; n < IDLE_COUNT; n++) idle.push(new Connection(counted.port));
  for (const connection of idle) await connection.ask(get('/echo/idle'));
  const pending: Promise<unknown>[] = [];
  for (const row of rows) {
    const connection = new Connection(counted.port);
    connections.set(row.what, connection);
    pending.push(connection.ask(row.bytes(main)).then((answer) => answers.set(row.what, answer)));
  }
  await counted.underWay(rows.reduce((sum, { begun }) => sum + begun, 0));
  takeover = await counted.kill();
  for (const { what, rest } of rows) if (rest !== undefined) connections.get(what)?.socket.write(rest);
  await Promise.all(pending);
}, LIMIT_MS);

afterAll(async () => {
  for (const connection of [...connections.values(), ...idle]) connection.end();
  await counted.app.cleanUp();
});

describe('a kill -9 of main', { timeout: LIMIT_MS }, () => {
  it.each(rows)(
    'with $what open is what it should be for the client',
    async ({ what, body, problem, times = {}, closes = false }) => {
      const answer = answers.get(what);
      const connection = connections.get(what) as Connection;
      if (problem !== undefined) expect(answer?.problem).toMatch(problem);
      else expect(answer).toEqual({ body: JSON.stringify(body) });
      for (const [id, count] of Object.entries(times)) expect(await counted.times(id), id).toBe(count);
      expect(connection.surplus).toBe('');
      if (problem !== undefined) return;
      if (closes) expect(connection.isOpen).toBe(false);
      else expect((await connection.ask(get('/echo/again'))).body).toBe('{"id":"again"}');
    },
  );

  it('counts each connection once, by what became of it and why', () => {
    const expected: Record<string, number> = {};
    for (const { counted: name } of rows) if (name !== '') expected[name] = (expected[name] ?? 0) + 1;
    const { 'fed-again': fedAgain, finished, ...losses } = expected;
    expect(takeover.fates).toMatchObject({ 'fed-again': fedAgain, finished, idle: IDLE_COUNT });
    expect(Object.fromEntries(Object.entries(takeover.losses).filter(([, count]) => count > 0))).toEqual(losses);
    expect(takeover.fates.reset).toBe(Object.values(losses).reduce((sum, count) => sum + count, 0));
  });

  it('leaves idle connections as they were', async () => {
    for (const connection of idle) expect((await connection.ask(get('/echo/still'))).body).toBe('{"id":"still"}');
  });

  it('leaves nothing behind that would keep a torn connection open', async () => {
    expect((await counted.ask(get('/torn/1'))).problem).toMatch(/^closed after \d+ bytes$/);
  });

  it('takes nothing that a request commits after its answer for the answer to the next one', async () => {
    const connection = new Connection(counted.port);
    expect((await connection.ask(post('/late/a', {}))).body).toBe('{"id":"a","times":1}');
    const { main } = await counted.app.bothReady();
    const answer = connection.ask(post(`/later/${main}/b`, { pad: '' }));
    while ((await counted.times('a-late')) === 0) await new Promise((resolve) => setImmediate(resolve));
    await counted.kill();
    expect((await answer).body).toBe('{"id":"b","times":1,"pad":0}');
    connection.end();
  });

  it('feeds a request again once, and resets its connection at the second death', async () => {
    const connection = new Connection(counted.port);
    const answer = connection.ask(get('/stuck/1'));
    await counted.underWay(1);
    expect((await counted.kill()).fates).toMatchObject({ 'fed-again': 1 });
    await counted.app.bothReady();
    expect((await counted.kill()).losses).toMatchObject({ poison: 1 });
    expect((await answer).problem).toBe('ECONNRESET');
  });
});
