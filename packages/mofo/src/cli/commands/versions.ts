// `mofo versions [module]`: what was built, what became of it and why; which one runs.

import type { Version } from '@mofo/versions';
import { clockTime, tableLines } from '../../output/index.ts';
import { requireModule } from '../../runtime/known-versions.ts';
import { isPassedOver } from '../../runtime/passed-over.ts';
import { reasonOf } from '../../runtime/reason-of.ts';
import { openAppRegistry } from '../app-registry.ts';
import type { Commands } from '../command-context.ts';
import { runningHashes } from '../running-hashes.ts';
import { addVersionsPrune } from './versions-prune.ts';

/** A version as the command shows it. */
interface ShownVersion extends Version {
  /** Main serves with it; false also when the app does not run. */
  readonly isRunning: boolean;
}

/** Adds the command. */
export function addVersions(commands: Commands): void {
  const command = commands.add('versions [module]', 'list the versions of a module, or of all, with their states');
  addVersionsPrune(commands, command);
  commands.act(command, async ({ config: load, terminal }, module: string | undefined) => {
    const { config } = await load();
    const registry = openAppRegistry(config);
    try {
      const modules = module === undefined ? registry.modules() : [requireModule(registry, module)];
      const running = (await runningHashes(config)).main;
      const listed = modules.map((name) => ({
        module: name,
        versions: newestFirst(registry.list(name)).map((version) => shown(version, running)),
      }));
      if (terminal.json) {
        terminal.data(listed);
        return undefined;
      }
      if (listed.length === 0) terminal.line('  no versions yet: npx mofo dev builds them');
      for (const { module: name, versions } of listed) {
        terminal.line(`  ${terminal.paint('bold', name)}`);
        const rows = versions.map((version) => [
          version.isRunning ? '▶' : ' ',
          version.id,
          terminal.paint(stateStyle(version), version.state),
          terminal.paint('dim', dayAndTime(version.addedAt)),
          version.reason.split('\n', 1)[0] as string,
        ]);
        for (const [index, line] of tableLines(rows, { indent: '  ' }).entries()) {
          terminal.line(line);
          const [, ...below] = (versions[index] as ShownVersion).reason.split('\n');
          const { state, crashes } = versions[index] as ShownVersion;
          const stack = state === 'unstable' ? (crashes.at(-1)?.stack?.split('\n') ?? []) : [];
          for (const detail of [...below, ...stack]) terminal.line(`        ${terminal.paint('dim', detail)}`);
        }
      }
      if (running.size > 0) terminal.line(terminal.paint('dim', '  ▶ runs now'));
      return undefined;
    } finally {
      registry.close();
    }
  });
}

function shown(version: Version, running: ReadonlySet<string>): ShownVersion {
  const isRunning = running.has(version.hash);
  const reason =
    isPassedOver(version) && !isRunning
      ? `passed over: no try left. Save ${version.source} again, or: npx mofo promote ${version.module} ${version.id}`
      : reasonOf(version);
  return { ...version, reason, isRunning };
}

function newestFirst(versions: readonly Version[]): Version[] {
  return [...versions].sort((one, other) => other.addedAt - one.addedAt);
}

function stateStyle(version: Version): 'green' | 'red' | 'yellow' | 'gray' {
  if (version.state === 'stable') return 'green';
  if (version.state === 'unstable') return 'red';
  return version.state === 'probation' ? 'yellow' : 'gray';
}

function dayAndTime(at: number): string {
  const time = new Date(at);
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
  return `${day} ${clockTime(at)}`;
}
