// Processes as a supervisor needs them: who is alive, told apart from a later process with the same pid; the moment of a death; a signal that
// cannot hit a stranger; a clock that all processes of the machine share.
import { ShmStoreError } from './errors.ts';
import { loadNative } from './native.ts';

/** A watch made by {@link watchProcess}. */
export interface ProcessWatch {
  /** Resolves when the process has ended; never rejects. Stays pending for ever after `close()` if it had not ended by then. */
  readonly exited: Promise<void>;
  /** Stops watching, so that the event loop may end. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Where {@link listenTcp} listens. */
export interface ListenOptions {
  /** Numeric address or host name; absent: every address of the machine. */
  readonly host?: string;
  /** 0 lets the system choose; ask with {@link boundPort}. */
  readonly port: number;
  /** Connections that may wait to be accepted; default 511. */
  readonly backlog?: number;
}

const BACKLOG_DEFAULT = 511;

/**
 * Start time of a living process in clock ticks since boot; with its pid it names the process for good. Undefined when there is none, also
 * for a zombie. Synchronous, about 15 µs.
 *
 * @param tid thread of that process; absent: its first thread.
 */
export function processStartTime(pid: number, tid = 0): number | undefined {
  const startTime = loadNative().processStartTime(pid, tid);
  if (startTime >= 0) return startTime;
  if (startTime === -1) return undefined;
  throw new ShmStoreError(
    'PERMISSION',
    `/proc does not tell about process ${pid}.\n  Nothing was done. Mount /proc without hidepid for this user.`,
  );
}

/** True while the process that started then runs; false when it has ended, also if another one has its pid now. Synchronous, about 15 µs. */
export function isProcessAlive(pid: number, startTime: number): boolean {
  return processStartTime(pid) === startTime;
}

/**
 * Watches a process by pidfd: any process of this machine, not only children. One native thread per JavaScript thread serves all watches. Keeps
 * the event loop alive until the process ends or the watch is closed.
 *
 * @param startTime as {@link processStartTime} gave it; absent: the process that has the pid now.
 * @throws ShmStoreError UNSUPPORTED_KERNEL before Linux 5.3.
 */
export function watchProcess(pid: number, startTime: number | undefined = processStartTime(pid)): ProcessWatch {
  const native = loadNative();
  let watch = 0;
  const exited = new Promise<void>((resolve) => {
    if (startTime === undefined) {
      resolve();
      return;
    }
    watch = native.watchProcess(pid, startTime, resolve);
    if (watch === 0) resolve();
  });
  const close = (): void => native.unwatchProcess(watch);
  return { exited, close, [Symbol.dispose]: close };
}

/**
 * Sends a signal to exactly the process that started then, through a pidfd: never to another one that got its pid. Returns false when it
 * has ended already. Delivered does not mean dead: await {@link watchProcess} for that.
 *
 * @param signal number, such as `os.constants.signals.SIGKILL`; 0 only asks whether it could be sent.
 * @throws ShmStoreError PERMISSION for a process of another user, INVALID_ARGUMENT, UNSUPPORTED_KERNEL.
 */
export function killProcess(pid: number, startTime: number, signal: number): boolean {
  return loadNative().killProcess(pid, startTime, signal);
}

/** Milliseconds of CLOCK_MONOTONIC: comparable between all processes of the machine, and with every time in a store. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * Turns core dumps off for this process and its children (RLIMIT_CORE 1, which also keeps them out of a pipe): a dump would come before
 * the locks of a dead process are released, and delay a takeover by its whole duration.
 */
export function limitCoreDump(): void {
  loadNative().limitCoreDump();
}

/**
 * Binds and listens without accepting, and returns the descriptor: for a launcher that gives it to the processes that serve
 * (`stdio` of spawn, then `server.listen({ fd })`). Close it with `fs.closeSync`. Synchronous.
 *
 * @throws ShmStoreError PORT_IN_USE, ADDRESS_UNAVAILABLE, PERMISSION, INVALID_ARGUMENT.
 */
export function listenTcp(options: ListenOptions): number {
  for (const key of Object.keys(options)) {
    if (key === 'host' || key === 'port' || key === 'backlog') continue;
    throw new ShmStoreError(
      'UNKNOWN_OPTION',
      `listenTcp has no option "${key}".\n  Nothing is listening. It knows host, port and backlog.`,
    );
  }
  return loadNative().listenTcp(options.host ?? '', options.port, options.backlog ?? BACKLOG_DEFAULT);
}

/** The port that a listening descriptor is bound to. */
export function boundPort(fd: number): number {
  return loadNative().boundPort(fd);
}

/**
 * Binds and listens on a unix socket without accepting, as {@link listenTcp} does.
 *
 * @param path must not be there; a leading zero byte means an abstract name.
 * @throws ShmStoreError PORT_IN_USE when the path is there, ADDRESS_UNAVAILABLE, PERMISSION, INVALID_ARGUMENT, SYSTEM_ERROR.
 */
export function listenUnix(path: string, backlog: number = BACKLOG_DEFAULT): number {
  return loadNative().listenUnix(path, backlog);
}

/**
 * Tells a service manager (systemd) what a service is about: one datagram, as `sd_notify` sends it. Synchronous, some 10 µs; never waits.
 *
 * @param socketPath what NOTIFY_SOCKET says: an absolute path, or `@` and an abstract name.
 * @param state lines such as `READY=1`.
 * @throws ShmStoreError SYSTEM_ERROR when nobody receives there or nothing is taken; INVALID_ARGUMENT.
 */
export function notifyService(socketPath: string, state: string): void {
  loadNative().notifyService(socketPath, state);
}
