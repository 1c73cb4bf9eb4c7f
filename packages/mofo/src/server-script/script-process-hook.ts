// Loaded by Node before a server script (--import): waits until the launcher says that the script is to run, and which version of it; then the script runs as ever,
// but that its servers listen by the launcher. In any other process that inherited the option nothing happens.

import cluster from 'node:cluster';
import { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { installIoHooks, openConnectionDesk } from '@mofo/shm-store';
import { loadFrom } from './archived-sources.ts';
import {
  CHANNEL_FD,
  CONTROL_FD,
  type FromScript,
  LAUNCHER_VARIABLE,
  readLines,
  TABLE_FD,
  type ToScript,
} from './messages.ts';
import { ScriptConnections } from './script-connections.ts';
import { listenByLauncher } from './shared-handle.ts';

/** Longest time in ms for what is under way, when the launcher is gone and nobody ends this process. */
const ORPHAN_LIMIT_MS = 10_000;

if (isMainThread && process.env[LAUNCHER_VARIABLE] !== undefined) {
  // The launcher died before this line was reached: without it the script would run on its own.
  if (process.env[LAUNCHER_VARIABLE] !== String(process.ppid)) process.exit(0);
  await join();
}

async function join(): Promise<void> {
  delete process.env[LAUNCHER_VARIABLE];
  forgetOption();
  const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
  const send = (message: FromScript): void => void control.write(`${JSON.stringify(message)}\n`);
  const desk = openConnectionDesk(CHANNEL_FD, TABLE_FD);
  try {
    installIoHooks();
  } catch (error) {
    // The launcher has tried the same, and said what follows from it.
    if ((error as { readonly code?: unknown }).code !== 'UNSUPPORTED_PLATFORM') throw error;
  }
  const connections = new ScriptConnections(desk);
  listenByLauncher(
    {
      opened: (listener, server, handle) => {
        connections.opened(listener, { server, handle });
        setImmediate(() => send({ type: 'listening', listener }));
      },
      closed: (listener) => {
        connections.closed(listener);
        send({ type: 'unlisten', listener });
      },
    },
    () => cluster.isWorker || Object.keys(cluster.workers ?? {}).length > 0,
  );

  const stop = (signal: NodeJS.Signals): void => {
    // The script's own way, or what it would have been had it one: nothing that is under way is lost.
    if (process.listenerCount(signal) > 0) process.kill(process.pid, signal);
    else void connections.finish().then(() => process.kill(process.pid, signal));
  };
  let load: (message: Extract<ToScript, { type: 'load' }>) => void = () => {};
  const loading = new Promise<Extract<ToScript, { type: 'load' }>>((resolve) => {
    load = resolve;
  });
  const receive = (message: ToScript): void => {
    switch (message.type) {
      case 'load':
        load(message);
        return;
      case 'serve':
        connections.serve(message.except);
        return;
      case 'adopt':
        connections.adopt(message.numbers);
        return;
      case 'closed':
        connections.forget(message.listener);
        return;
      case 'drain': {
        const { serving, drained } = connections.drain((numbers) => {
          if (numbers.length > 0) send({ type: 'handed-over', numbers });
        });
        send({ type: 'draining', serving });
        void drained.then(() => send({ type: 'drained' }));
        return;
      }
      case 'stop':
        stop(message.signal);
        return;
      case 'ping': {
        const { served, failed, count } = connections;
        send({ type: 'pong', served, failed, connections: count, takeovers: desk.counters() });
      }
    }
  };
  let isLoaded = false;
  control.on('data', readLines(receive));
  const orphaned = (): void => {
    control.destroy();
    if (!isLoaded) process.exit(0);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_LIMIT_MS).unref();
    stop('SIGTERM');
  };
  control.once('end', orphaned);
  control.once('error', orphaned);
  send({ type: 'warm' });
  const { sources, offersSend } = await loading;
  isLoaded = true;
  // The script alone decides how long its process lives.
  control.unref();
  loadFrom(
    sources,
    collected((files) => send({ type: 'loaded', files })),
  );
  if (offersSend && process.send === undefined) {
    process.send = (message: unknown) => {
      if (message === 'ready') send({ type: 'ready' });
      return true;
    };
  }
}

/** Processes that the script forks do not need it. */
function forgetOption(): void {
  const own = process.execArgv.indexOf(import.meta.url);
  if (own > 0) process.execArgv.splice(own - 1, 2);
}

/** Calls with what came together in one turn. */
function collected(report: (files: readonly string[]) => void): (file: string) => void {
  let files: string[] = [];
  return (file) => {
    if (files.push(file) > 1) return;
    setImmediate(() => {
      report(files);
      files = [];
    });
  };
}
