// What a module says of itself: asked several times a second while it is on probation, now and then after it.

import { describe } from './describe-error.ts';
import type { Hooks } from './hooks.ts';
import type { RunningVersion } from './running-version.ts';

/** How often versions that are not on probation are asked, in ms. */
const HEALTH_INTERVAL_MS = 2_000;

/** Why a version is not well; undefined: it is, or does not say. */
export async function healthProblem(
  version: RunningVersion,
  hooks: Hooks,
  limitMs: number,
): Promise<string | undefined> {
  const { health } = version.definition;
  if (health === undefined) return undefined;
  try {
    let isWell = false;
    const ask = (): boolean | Promise<boolean> => health.call(version.definition, version.context as never);
    const hasAnswered = await hooks.run(version, 'health', ask, limitMs, (answer) => {
      isWell = answer;
    });
    if (!hasAnswered) return `its health check has not answered after ${limitMs} ms`;
    return isWell ? undefined : 'its health check says no';
  } catch (error) {
    return `${describe(error)} in its health check`;
  }
}

/** What health is watched with. */
export interface HealthWatchParts {
  readonly hooks: Hooks;
  readonly limitMs: number;
  /** The versions to ask now; none in a process that does not serve. */
  readonly versions: () => readonly RunningVersion[];
  /** A version has become unwell (with the reason) or well again. */
  readonly onChange: (version: RunningVersion, problem: string | undefined) => void;
}

/** Watches the health of versions that have earned their trust: it is told, and nothing follows from it by itself. */
export class HealthWatch {
  private readonly parts: HealthWatchParts;
  private readonly problems = new WeakMap<RunningVersion, string>();
  private readonly asked = new WeakSet<RunningVersion>();
  private readonly timer: NodeJS.Timeout;

  constructor(parts: HealthWatchParts) {
    this.parts = parts;
    this.timer = setInterval(() => this.askAll(), HEALTH_INTERVAL_MS).unref();
  }

  /** Why a version was not well when it was asked last. */
  problemOf(version: RunningVersion): string | undefined {
    return this.problems.get(version);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private askAll(): void {
    for (const version of this.parts.versions()) {
      if (version.definition.health !== undefined && !this.asked.has(version)) void this.ask(version);
    }
  }

  private async ask(version: RunningVersion): Promise<void> {
    this.asked.add(version);
    const problem = await healthProblem(version, this.parts.hooks, this.parts.limitMs);
    this.asked.delete(version);
    const before = this.problems.get(version);
    if (problem === undefined) this.problems.delete(version);
    else this.problems.set(version, problem);
    if ((problem === undefined) !== (before === undefined)) this.parts.onChange(version, problem);
  }
}
