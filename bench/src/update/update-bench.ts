// The bench `update`: how long it takes from saving a source file to the first answer of the new version, how long nothing else can begin meanwhile, and what it costs
// those who ask.

import { type Bench, type Group, type MeasureContext, median } from '../framework/bench.ts';
import { installPackages, isPackageInstalled } from '../peers/extra-packages.ts';
import { request } from '../takeover/http-request.ts';
import { type Exchange, KeepAliveClients } from '../takeover/keep-alive-clients.ts';
import { startMofo } from './mofo-program.ts';
import { startPm2 } from './pm2-program.ts';
import type { UpdatedProgram } from './updated-program.ts';

const PEER = 'pm2-reload';
/** Saves of one process. PM2 needs seconds for each. */
const SAVES = { mofo: { full: 60, quick: 3 }, [PEER]: { full: 10, quick: 2 } };
/** Updates under load of one process; the sum over the rounds is told, so a hundred in one. */
const UPDATES = { full: 100, quick: 3 };
const CONNECTIONS = 64;
/** Longest wait for the first answer of a version, in ms. */
const SERVING_LIMIT_MS = 60_000;

let isPm2Missing: string | undefined;

/** Measures updates. */
export const updateBench: Bench = {
  name: 'update',
  summary: 'save of a source file to the new version serving, ms; the pause in it; requests that it costs',
  rounds: { full: 3, quick: 1 },
  limitMs: 900_000,
  groups: [savesToServing(), swapPauses(), requestsOfUpdates()],
  aims: [
    atMost('save-to-serving', 50, 'p50 ≤ 50 ms'),
    atMost('swap-pause', 2, 'p50 ≤ 2 ms'),
    atMost('failed-requests.100-updates', 0, '0'),
  ],
  prepare: async (onProgress) => {
    if (!isPackageInstalled('pm2/package.json')) isPm2Missing = await installPackages(onProgress);
  },
  missing: (subject) =>
    subject !== PEER || isPackageInstalled('pm2/package.json')
      ? undefined
      : (isPm2Missing ?? 'not installed; a run without --quick installs it'),
};

function savesToServing(): Group {
  const name = 'save-to-serving';
  return {
    name,
    cases: [{ name, unit: 'ms' }],
    subjects: ['mofo', PEER],
    measure: async (context) => {
      const program = await start(context, false);
      const samples: number[] = [];
      for (let mark = 1; mark <= countOf(SAVES, context); mark++) samples.push(await saveAndWait(program, mark));
      await program.close();
      return [{ case: name, value: median(samples), samples }];
    },
  };
}

/** The longest time for which main's event loop did not turn around each update: reading, checking and evaluating the bundle, opening its state, the swap. */
function swapPauses(): Group {
  const name = 'swap-pause';
  return {
    name,
    cases: [{ name, unit: 'ms' }],
    subjects: ['mofo'],
    measure: async (context) => {
      const program = await start(context, true);
      const samples: number[] = [];
      for (let mark = 1; mark <= countOf(SAVES, context); mark++) {
        await pauseOf(program);
        await saveAndWait(program, mark);
        samples.push(await pauseOf(program));
      }
      await program.close();
      return [{ case: name, value: median(samples), samples }];
    },
  };
}

function requestsOfUpdates(): Group {
  const name = 'failed-requests.100-updates';
  return {
    name,
    cases: [{ name, unit: 'requests', isTotal: true }],
    subjects: ['mofo', PEER],
    rounds: 1,
    measure: async (context) => {
      const program = await start(context, false);
      const clients = new KeepAliveClients(program.port, CONNECTIONS, exchange);
      for (let mark = 1; mark <= (context.quick ? UPDATES.quick : UPDATES.full); mark++)
        await saveAndWait(program, mark);
      const { answered, failed, lostIdle } = await clients.stop();
      await program.close();
      if (answered === 0) throw new Error('No request was answered.');
      return [{ case: name, value: failed + lostIdle }];
    },
  };
}

function start({ subject, directory, storeName }: MeasureContext, withPulse: boolean): Promise<UpdatedProgram> {
  return subject === 'mofo' ? startMofo(directory, storeName, withPulse) : startPm2(directory);
}

/** Saves, asks until the new version answers, and gives the time between in ms. Then the program is ready for the next save. */
async function saveAndWait(program: UpdatedProgram, mark: number): Promise<number> {
  const savedAtMs = performance.now();
  program.save(mark);
  for (;;) {
    const answer = (await request(program.port, 'GET', '/mark').catch(() => undefined)) as { mark: number } | undefined;
    const elapsedMs = performance.now() - savedAtMs;
    if (answer?.mark === mark) {
      await program.settled(mark);
      return elapsedMs;
    }
    if (elapsedMs > SERVING_LIMIT_MS) throw new Error(`Version ${mark} did not serve within ${SERVING_LIMIT_MS} ms.`);
  }
}

async function pauseOf(program: UpdatedProgram): Promise<number> {
  return ((await request(program.port, 'GET', '/pulse')) as { pauseMs: number }).pauseMs;
}

function exchange(id: number): Exchange {
  return {
    bytes: `GET /echo/${id} HTTP/1.1\r\nHost: x\r\n\r\n`,
    body: JSON.stringify({ id: String(id) }),
    hasEffect: false,
  };
}

function countOf(counts: typeof SAVES, { subject, quick }: MeasureContext): number {
  const { full, quick: few } = counts[subject as keyof typeof SAVES];
  return quick ? few : full;
}

function atMost(name: string, limit: number, says: string): NonNullable<Bench['aims']>[number] {
  return {
    case: name,
    says,
    figure: (valueIn) => valueIn(name, 'mofo'),
    isMet: (figure) => figure <= limit,
  };
}
