// `connections.cost`: how much of the throughput is left when connections are kept. Two apps, one with and one without, asked in turn for short times, so that
// whatever else the machine does hits both; the ratio of each pair of turns, and of these the median. `connections.cost-cpu` is the same for the processor time
// of main per request, which does not depend on how fast the clients are.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Group, type MeasureContext, median } from '../framework/bench.ts';
import { startConnectionsApp } from './connections-app.ts';

const CONNECTIONS = 64;
const REQUEST = 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n';
const TURNS = { full: 20, quick: 2 };
const TURN_MS = { full: 500, quick: 50 };

/** The case. */
export const connectionsCost: Group = {
  name: 'connections.cost',
  cases: [
    { name: 'connections.cost', unit: 'ratio' },
    { name: 'connections.cost-cpu', unit: 'ratio' },
  ],
  subjects: ['mofo'],
  measure: async (context) => {
    const kept = await start(context, true);
    const plain = await start(context, false);
    // Both are compiled before anything counts.
    const turnMs = context.quick ? TURN_MS.quick : TURN_MS.full;
    await kept.turn(2 * turnMs);
    await plain.turn(2 * turnMs);
    const throughput: number[] = [];
    const processor: number[] = [];
    for (let turn = 0; turn < (context.quick ? TURNS.quick : TURNS.full); turn++) {
      const order = turn % 2 === 0 ? [kept, plain] : [plain, kept];
      const results = new Map<Loaded, Turn>();
      for (const loaded of order) results.set(loaded, await loaded.turn(turnMs));
      const [withIt, without] = [results.get(kept) as Turn, results.get(plain) as Turn];
      throughput.push(withIt.perSecond / without.perSecond);
      processor.push(withIt.processorMs / without.processorMs);
    }
    await kept.close();
    await plain.close();
    return [
      { case: 'connections.cost', value: median(throughput), samples: throughput },
      { case: 'connections.cost-cpu', value: median(processor), samples: processor },
    ];
  },
};

interface Turn {
  readonly perSecond: number;
  /** Of main, per thousand requests. */
  readonly processorMs: number;
}

interface Loaded {
  turn(ms: number): Promise<Turn>;
  close(): Promise<void>;
}

async function start(context: MeasureContext, isKept: boolean): Promise<Loaded> {
  const name = isKept ? 'kept' : 'plain';
  const app = await startConnectionsApp(join(context.directory, name), `${context.storeName}-${name}`, isKept);
  const pid = await app.ready();
  return {
    turn: async (ms) => {
      const before = processorMs(pid);
      const { count, seconds } = await ask(app.port, ms);
      return { perSecond: count / seconds, processorMs: ((processorMs(pid) - before) / count) * 1000 };
    },
    close: () => app.close(),
  };
}

/** Asks on all connections at once, each again as soon as it is answered, and checks the answers. */
async function ask(port: number, ms: number): Promise<{ count: number; seconds: number }> {
  let count = 0;
  let isOver = false;
  const startedAt = performance.now();
  const timer = setTimeout(() => {
    isOver = true;
  }, ms);
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(REQUEST));
      let received = '';
      socket.setEncoding('latin1').on('data', (text: string) => {
        received += text;
        if (!received.endsWith('hello world')) return;
        received = '';
        count++;
        if (isOver) socket.destroy();
        else socket.write(REQUEST);
      });
      socket.on('error', reject);
      socket.on('close', () => (isOver ? resolve() : reject(new Error('A connection was closed.'))));
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  clearTimeout(timer);
  return { count, seconds: (performance.now() - startedAt) / 1000 };
}

/** Processor time that a process has used, in ms: fields 14 and 15 of its stat are ticks of 10 ms. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
