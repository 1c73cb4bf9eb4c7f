// A rehearsal of the takeover, played by the clone while it stands by, so that the real one finds its code compiled.
//
// The shapes of objects are learnt, and what is called often is compiled to machine code, when functions run: without this the first task after a death
// waits for some milliseconds of that. The rehearsal is the real code: first quarantine, scheduler, tasks and HTTP over a store in private memory, with a module that
// counts; then the role and the real tasks over the real store, in transactions that are rolled back. Nothing of it is seen outside this process, and it
// ends by itself; the process may become main in the middle of it.

import { closeSync } from 'node:fs';
import { connect } from 'node:net';
import { counter, openPrivateStore, Store } from '@mofo/journal';
import { boundPort, CONTROL_SLOTS, listenTcp, monotonicMs, openConnectionHub, SLOT_BYTES } from '@mofo/shm-store';
import type { Registry } from '@mofo/versions';
import { Quarantine, RunningWord, rehearseTakeover, type Takeover } from '@mofo/watchdog';
import type { Config } from '../config/config.ts';
import { ConnectionKeeper } from '../connections/index.ts';
import { defineModule } from '../define/index.ts';
import { WebResponse } from '../http/index.ts';
import { Application } from './application.ts';
import { listen } from './http-front.ts';
import { judgeTakeover } from './judge-takeover.ts';
import { openContext } from './module-context.ts';
import { moduleLog } from './module-log.ts';
import { RunningVersion } from './running-version.ts';
import { slotGuard } from './slot-guard.ts';
import { takeOver } from './take-over.ts';
import { TaskRunner } from './task-runner.ts';

/** Enough for V8 to have seen every shape, and to have compiled what is called most. */
const TASK_COUNT = 200;
const REQUEST_COUNT = 5;
const CONNECTION_COUNT = 4;
const HOST = '127.0.0.1';
const STORE_BYTES = 2 ** 21;
const HASH = '0'.repeat(64);

/** What is rehearsed with. */
export interface WarmUpParts {
  readonly config: Config;
  readonly appDirectory: string;
  readonly registry: Registry;
  /** The real store: looked at, and changed in transactions that are rolled back. */
  readonly store: Store;
  /** The real tasks. */
  readonly tasks: TaskRunner;
  /** False when the process is about to be main: then there is no need to rehearse any more. */
  readonly mayGoOn: () => boolean;
}

/**
 * Rehearses a takeover. Some 50 ms, in small pieces between which the event loop turns.
 *
 * @throws (rejects) what the rehearsed code throws; nothing outside has changed.
 */
export async function warmUp(parts: WarmUpParts): Promise<void> {
  touch(parts.store);
  void parts.tasks.status;
  const store = new Store('rehearsal', openPrivateStore({ sizeBytes: STORE_BYTES }));
  try {
    await turn();
    await play(parts, store);
  } finally {
    store.close();
  }
  // Now that the code is compiled, with the store's own objects: in small pieces, for each holds up its writers.
  await rehearseTakeover(parts.store, undefined, parts.mayGoOn);
  for (const _ of parts.tasks.rehearse()) {
    await turn();
    if (!parts.mayGoOn()) return;
  }
}

/** The real store's ways in. */
function touch(store: Store): void {
  store.read(() => {});
  store.watch(() => {}).close();
}

/** Serves with a module that counts: tasks, then requests. */
async function play(parts: WarmUpParts, store: Store): Promise<void> {
  const { config } = parts;
  const application: Application = new Application({
    config,
    appDirectory: parts.appDirectory,
    store,
    registry: parts.registry,
    guard: slotGuard(new RunningWord({ control: new ArrayBuffer(CONTROL_SLOTS + SLOT_BYTES), slot: 0 })),
    enqueue: (module, task, payload, options) => tasks.enqueue(module, task, payload, options),
    log: (version) => moduleLog(version.title),
    emit: () => {},
    onStable: () => {},
    onNotIn: () => {},
    onSwap: () => {},
    holder: 'rehearsal',
    runsInMain: [],
    isQuarantined: () => false,
    mayJudge: () => true,
    takeKept: () => Promise.reject(new Error('The rehearsal must not migrate.')),
  });
  const tasks: TaskRunner = new TaskRunner(store, application, {
    hangAfterMs: config.hangAfterMs,
    onResumed: () => {},
  });
  const { definition, counted } = makeModule();
  const version = new RunningVersion(
    { module: definition.name, hash: HASH, id: HASH.slice(0, 6) },
    definition as never,
    'rehearsal',
  );
  openContext(version, application.services);
  application.table.replace(version);
  for (let n = 0; n < TASK_COUNT; n++) tasks.enqueue(definition.name, 'count', undefined, undefined);
  const quarantine = new Quarantine(store);
  quarantine.add('rehearsal', HASH, 'a rehearsal');
  const place = openPlace(store, config.http.keepConnections);
  const { http } = await takeOver(diedRunning(`${version.title} task count`), {
    judge: (takeover) =>
      judgeTakeover(takeover, { registry: unknowing, quarantine, onUnstable: () => {}, onUntold: () => {} }),
    keeper: { settle: () => {} },
    application,
    tasks,
    listen: () =>
      listen(application, {
        fd: place.fd,
        connections: place.connections,
        host: HOST,
        maxBodyBytes: config.http.maxBodyBytes,
        hangAfterMs: config.hangAfterMs,
      }),
  }).catch((error: unknown) => {
    place.close();
    closeSync(place.fd);
    throw error;
  });
  try {
    await counted;
    for (let n = 0; n < REQUEST_COUNT; n++) for (const method of ['GET', 'POST']) await request(method, place.port);
  } finally {
    await http.stop(0);
    place.close();
    // Otherwise it was the server's.
    if (place.connections !== undefined) closeSync(place.fd);
  }
  await tasks.stop();
  await application.stop(0);
}

/** A module whose task counts; `counted` resolves when it has counted enough. */
function makeModule() {
  let resolve = (): void => {};
  const counted = new Promise<void>((done) => {
    resolve = done;
  });
  const definition = defineModule({
    name: 'rehearsal',
    state: { runs: counter() },
    tasks: {
      count: {
        run: (ctx) => {
          ctx.state.runs.add(1);
          if (ctx.state.runs.value === TASK_COUNT) resolve();
        },
      },
      recurring: { every: '1d', run: () => {} },
    },
    http: {
      'GET /rehearsal': (ctx) => ctx.transaction(() => Response.json({ runs: ctx.state.runs.value })),
      // With the global class it would be Node's own, of which the bytes are not at hand.
      'POST /rehearsal': (ctx) => ctx.transaction(() => WebResponse.json({ runs: ctx.state.runs.add(1) })),
    },
  });
  return { definition, counted };
}

/** Where the rehearsal serves: a port of its own, and connections that come as the real ones do. */
function openPlace(store: Store, keepsConnections: boolean) {
  const fd = listenTcp({ host: HOST, port: 0 });
  const port = boundPort(fd);
  if (!keepsConnections) return { fd, port, connections: undefined, close: () => {} };
  const hub = openConnectionHub(fd, CONNECTION_COUNT);
  const channelFd = hub.addProcess();
  const connections = new ConnectionKeeper({ channelFd, tableFd: hub.tableFd, store, storeBytes: STORE_BYTES });
  closeSync(channelFd);
  const close = (): void => {
    connections.close();
    hub.close();
  };
  return { fd, port, connections, close };
}

/** One request, without loading an HTTP client. */
function request(method: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST, () => {
      socket.end(`${method} /rehearsal HTTP/1.1\r\nHost: rehearsal\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** A registry in which the rehearsed version is not known, so that nobody is blamed. */
const unknowing: Pick<Registry, 'get' | 'quarantineInBackground'> = {
  get: () => undefined,
  quarantineInBackground: (version) => {
    throw new Error(`The rehearsal must not judge ${version.module}.`);
  },
};

/** What the role keeper says after the death of a main that ran something. */
function diedRunning(label: string): Takeover {
  const atMs = monotonicMs();
  return {
    reason: 'crash',
    term: 2,
    deadPid: undefined,
    label,
    taskId: 1,
    candidates: 0,
    deathAtMs: atMs,
    takeoverAtMs: atMs,
    latencyMs: 0,
    unsettled: undefined,
  };
}

/** Lets the event loop turn once. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
