// `mofo status`: one screen about the app, running or not.

import { findStore } from '@mofo/journal';
import type { ConnectionCounters } from '@mofo/shm-store';
import { showSize } from '../../config/index.ts';
import { MofoError } from '../../errors.ts';
import { tableLines } from '../../output/index.ts';
import { askLauncher } from '../../runtime/control-socket.ts';
import type { DrainingVersion } from '../../runtime/draining.ts';
import type { ProcessStatus } from '../../runtime/processes-status.ts';
import { connectionsText } from '../../runtime/takeover-text.ts';
import { openAppRegistry } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';

interface MainStatus {
  readonly pid: number;
  /** Of a server script. */
  readonly script?: string;
  readonly standby?: number;
  readonly listeners?: readonly string[];
  readonly store?: {
    readonly reservedBytes: number;
    readonly sizeBytes: number;
    readonly commitCount: number;
    readonly term: number;
    readonly timeline: number;
  };
  readonly http?: {
    readonly served: number;
    readonly failed: number;
    readonly inFlight?: number;
    readonly connections: number;
  };
  readonly connections?: ConnectionCounters;
  readonly tasks?: {
    readonly ready: number;
    readonly delayed: number;
    readonly running: number;
    readonly dead: number;
    readonly completed: number;
  };
  readonly modules: readonly {
    readonly module: string;
    readonly running?: { readonly id: string };
    readonly draining: readonly DrainingVersion[];
    readonly versions: readonly { readonly id: string; readonly state: string; readonly reason: string }[];
  }[];
  readonly processes: readonly ProcessStatus[];
}

/** Adds the command. */
export function addStatus(commands: Commands): void {
  const command = commands.add('status', 'show processes, modules, tasks and store on one screen');
  commands.act(command, async ({ config: load, terminal }) => {
    const { config } = await load();
    const main = await mainStatus(config.directory);
    const store = findStore(config.store.name);
    if (terminal.json) {
      terminal.data({ name: config.name, running: main !== undefined, main, store });
      return undefined;
    }
    terminal.line(
      `  ${terminal.paint('bold', config.name)}   ${main === undefined ? terminal.paint('yellow', 'not running') : terminal.paint('green', `running, main is pid ${main.pid}`)}`,
    );
    if (main?.script !== undefined)
      terminal.line(
        `  listens    ${main.listeners?.join(', ')}; standby ${main.standby === undefined ? 'none' : `pid ${main.standby}`}`,
      );
    else if (store === undefined) terminal.line('  store      none in memory');
    else {
      terminal.line(
        `  store      ${store.name}: ${showSize(store.reservedBytes)} of ${showSize(store.sizeBytes)} used, ${store.state}`,
      );
      for (const { pid, role, alive } of store.attached)
        terminal.line(`             pid ${pid} ${role}${alive ? '' : ' (dead; its place is free for the next)'}`);
    }
    if (main !== undefined) {
      const { http, connections, tasks } = main;
      if (http !== undefined)
        terminal.line(
          `  http       ${http.served} served, ${http.failed} failed, ${http.inFlight === undefined ? '' : `${http.inFlight} in flight, `}${http.connections} connections`,
        );
      if (connections !== undefined) terminal.line(`  takeovers  ${connectionsText(connections)}`);
      if (tasks !== undefined)
        terminal.line(
          `  tasks      ${tasks.completed} done, ${tasks.ready} ready, ${tasks.delayed} waiting, ${tasks.running} running, ${tasks.dead} dead letters`,
        );
      if (main.store !== undefined)
        terminal.line(
          `  term       ${main.store.term}, timeline ${main.store.timeline}, ${main.store.commitCount} commits`,
        );
      terminal.line('  modules');
      const rows = main.modules.map(({ module, running, versions }) => {
        const current = versions.find(({ id }) => id === running?.id);
        return [module, running?.id ?? 'none runs', current?.state ?? '', current?.reason.split('\n', 1)[0] ?? ''];
      });
      for (const line of tableLines(rows, { indent: '    ' })) terminal.line(line);
      for (const line of [...otherVersionLines(main), ...drainingLines(main)]) terminal.line(`    ${line}`);
      return undefined;
    }
    const registry = openAppRegistry(config);
    try {
      terminal.line('  modules');
      const rows = registry.modules().map((module) => [module, registry.latestStable(module)?.id ?? 'none stable']);
      for (const line of tableLines(rows, { indent: '    ' })) terminal.line(line);
    } finally {
      registry.close();
    }
    return undefined;
  });
}

/** Versions that another process than main has loaded in place of what main runs. */
function otherVersionLines({ modules, processes }: MainStatus): string[] {
  return processes
    .filter(({ role }) => role !== 'main')
    .flatMap(({ pid, role, versions }) =>
      versions
        .filter(({ module, id }) => modules.find((one) => one.module === module)?.running?.id !== id)
        .map(
          ({ module, id }) =>
            `${module}@${id} in ${role === 'draining' ? 'a process that drains' : `the ${role}`} (pid ${pid})`,
        ),
    );
}

function drainingLines({ modules }: MainStatus): string[] {
  return modules
    .flatMap(({ draining }) => draining)
    .map(({ module, id, calls, since }) => {
      const seconds = Math.round((Date.now() - since) / 1000);
      return `${module}@${id} drains: ${calls} ${calls === 1 ? 'call' : 'calls'} under way, replaced ${seconds} s ago`;
    });
}

async function mainStatus(directory: string): Promise<MainStatus | undefined> {
  try {
    return (await askLauncher(directory, { what: 'status' })) as MainStatus;
  } catch (error) {
    if (error instanceof MofoError && error.code === 'NOT_RUNNING') return undefined;
    throw error;
  }
}
