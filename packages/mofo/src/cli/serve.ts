// What `mofo run` and `mofo dev` have in common: start, banner, timeline, signals, exit code.

import { findStore } from '@mofo/journal';
import { showSize } from '../config/index.ts';
import { writeBanner, writeEvent } from '../output/index.ts';
import type { RuntimeEvent } from '../runtime/messages.ts';
import { type RunningApp, runApp } from '../runtime/run-app.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes } from './exit-codes.ts';
import { mofoVersion } from './mofo-version.ts';

/** How the application is served. */
export interface ServeOptions {
  readonly mode: 'dev' | 'run';
  readonly port?: number;
}

/** Runs the application until it is stopped, and gives the exit code. */
export async function serve(
  { app: load, directory, terminal }: CommandContext,
  options: ServeOptions,
): Promise<number> {
  // Events before the banner are shown after it.
  let waiting: RuntimeEvent[] | undefined = [];
  const show = (event: RuntimeEvent): void => {
    if (waiting === undefined) writeEvent(terminal, event);
    else waiting.push(event);
  };
  const starting = new AbortController();
  let stop = (): void => starting.abort();
  const onSignal = (): void => stop();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const app = await runApp({
      directory,
      load,
      signal: starting.signal,
      mode: options.mode,
      ...(options.port === undefined ? {} : { port: options.port }),
      onEvent: show,
      onOutput: (stream, text) =>
        void (stream === 'stdout' && !terminal.json ? terminal.output : terminal.errors).write(text),
    });
    stop = () => void app.stop();
    // A signal that came with the last step of the start.
    if (starting.signal.aborted) stop();
    banner(terminal, app, options);
    for (const event of waiting) writeEvent(terminal, event);
    waiting = undefined;
    const code = await app.ended;
    if (code === exitCodes.done) writeEvent(terminal, stopped(app));
    return code;
  } catch (error) {
    // A stop that was asked for is no failure, however far the start had come.
    if (starting.signal.aborted) return exitCodes.done;
    for (const event of waiting ?? []) writeEvent(terminal, event);
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** What people who stop it want to know. */
function stopped({ config: { store } }: RunningApp): RuntimeEvent {
  return {
    at: Date.now(),
    kind: 'stop',
    message: `stopped; store "${store.name}" stays in memory: the next start goes on with it, npx mofo destroy --yes removes it`,
    data: { store: store.name },
  };
}

/** Main serves, so the store is there: its own size, not what the config may have left out. */
function storeSize({ config: { store } }: RunningApp): { readonly store?: string } {
  const found = findStore(store.name);
  return found === undefined ? {} : { store: `${showSize(found.sizeBytes)} (${showSize(found.reservedBytes)} used)` };
}

function banner(terminal: CommandContext['terminal'], app: RunningApp, options: ServeOptions): void {
  const { host } = app.config.http;
  writeBanner(terminal, {
    version: mofoVersion(),
    name: app.config.name,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${app.port}`,
    ...storeSize(app),
    ...(options.mode === 'dev' ? { hint: 'save a module to update it, Ctrl-C to stop' } : {}),
  });
}
