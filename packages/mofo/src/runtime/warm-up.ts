// A rehearsal of the takeover, played by the clone while it stands by, so that the real one finds its code compiled.
//
// JavaScript is compiled, and the shapes of objects are learnt, when a function first runs: without this the first task after a death waits for some
// milliseconds of that. The rehearsal is the real code (role keeper, quarantine, scheduler, tasks, HTTP) over a store in private memory, with a module
// that counts. Nothing of it is seen outside this process, and it ends by itself; the process may become main in the middle of it.

import { closeSync } from 'node:fs';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { counter, openPrivateStore, Store } from '@mofo/journal';
import {
  boundPort,
  CONTROL_ROLE_SLOT,
  CONTROL_SLOTS,
  CONTROL_TERM,
  listenTcp,
  monotonicMs,
  type NativeRoleEvent,
  type NativeStore,
  SLOT_BYTES,
  SLOT_COUNT,
} from '@mofo/shm-store';
import type { Registry } from '@mofo/versions';
import { Quarantine, RoleKeeper, readSlot, type Takeover } from '@mofo/watchdog';
import type { Config } from '../config/config.ts';
import { defineModule } from '../define/index.ts';
import { Application } from './application.ts';
import { blameOf } from './blame.ts';
import { listen } from './http-front.ts';
import { openContext } from './module-context.ts';
import { moduleLog } from './module-log.ts';
import { RunningVersion } from './running-version.ts';
import { slotGuard } from './slot-guard.ts';
import { TaskRunner } from './task-runner.ts';

/** Enough for V8 to have seen every shape, and to have compiled what is called most. */
const TASK_COUNT = 200;
const REQUEST_COUNT = 5;
const STORE_BYTES = 2 ** 21;
const HASH = '0'.repeat(64);

/** What is rehearsed with. */
export interface WarmUpParts {
  readonly config: Config;
  readonly appDirectory: string;
  readonly registry: Registry;
  /** The real store: only looked at, and locked for an instant. */
  readonly store: Store;
  /** Looks at what main will look at first, so that its pages are mapped. */
  readonly look: () => void;
}

/**
 * Rehearses a takeover. Some 50 ms, in small pieces between which the event loop turns.
 *
 * @throws (rejects) what the rehearsed code throws; nothing outside has changed.
 */
export async function warmUp(parts: WarmUpParts): Promise<void> {
  // V8 drops compiled code that was not used for a few collections; a clone may wait for weeks.
  setFlagsFromString('--no-flush-bytecode');
  touch(parts.store);
  parts.look();
  const store = new Store('rehearsal', openPrivateStore({ sizeBytes: STORE_BYTES }));
  const keeper = new RoleKeeper(stageRole());
  const takeover = await keeper.watch();
  try {
    await turn();
    new Quarantine(store).add('rehearsal', HASH, 'a rehearsal');
    blameOf('rehearsal@000000 task count');
    keeper.settle();
    await play(parts, store, keeper, takeover);
  } finally {
    keeper.close();
    store.close();
  }
}

/** The real store's ways in: lock, slots, doorbell. */
function touch(store: Store): void {
  store.transaction(() => {});
  store.read(() => {});
  readSlot(store.native, store.native.slot);
  store.watch(() => {}).close();
}

/** What the role keeper uses of a store, in private memory, where an owner of the role has just died. */
function stageRole(): NativeStore {
  const control = new ArrayBuffer(CONTROL_SLOTS + SLOT_COUNT * SLOT_BYTES);
  new Float64Array(control)[CONTROL_TERM / 8] = 1;
  new Uint32Array(control)[CONTROL_ROLE_SLOT / 4] = 2;
  const seen: NativeRoleEvent = { reason: 'dead', ownerPid: 0, atMs: monotonicMs(), detail: '', slot: undefined };
  const stage: Partial<NativeStore> = {
    control,
    slot: 0,
    watchRole: (onEvent) => void setImmediate(() => onEvent(seen)),
    unwatchRole: () => {},
    tryAcquireRole: () => true,
    releaseRole: () => {},
    raiseTerm: () => 2,
  };
  return stage as NativeStore;
}

/** Serves with a module that counts: tasks, then requests. */
async function play(parts: WarmUpParts, store: Store, keeper: RoleKeeper, takeover: Takeover): Promise<void> {
  const { config } = parts;
  const application: Application = new Application({
    config,
    appDirectory: parts.appDirectory,
    store,
    registry: parts.registry,
    guard: slotGuard(keeper.running),
    enqueue: (module, task, payload, options) => tasks.enqueue(module, task, payload, options),
    log: (version) => moduleLog(version.title),
    emit: () => {},
    onStable: () => {},
    onSwap: () => {},
    isQuarantined: () => false,
    mayJudge: () => true,
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
  application.assumeRole();
  tasks.start(takeover);
  await counted;
  await requestAll(application, config);
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
    http: { 'GET /rehearsal': (ctx) => ctx.transaction(() => Response.json({ runs: ctx.state.runs.value })) },
  });
  return { definition, counted };
}

async function requestAll(application: Application, config: Config): Promise<void> {
  const fd = listenTcp({ host: '127.0.0.1', port: 0 });
  const port = boundPort(fd);
  const server = await listen(application, {
    fd,
    maxBodyBytes: config.http.maxBodyBytes,
    hangAfterMs: config.hangAfterMs,
  }).catch((error: unknown) => {
    closeSync(fd);
    throw error;
  });
  try {
    for (let n = 0; n < REQUEST_COUNT; n++) await request(port);
  } finally {
    await server.stop(0);
  }
}

/** One request, without loading an HTTP client. */
function request(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.end('GET /rehearsal HTTP/1.1\r\nHost: rehearsal\r\nConnection: close\r\n\r\n');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** Lets the event loop turn once. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
