// The versions on probation in this process: how their runs ended, who is to blame for an error, and the verdict. What follows from a verdict is the
// application's business.

import { isRefusal } from '../http/error-response.ts';
import { scriptBehind } from '../modules/stack-mapping.ts';
import { describe } from './describe-error.ts';
import { healthProblem } from './health.ts';
import type { Hooks } from './hooks.ts';
import type { ModuleTable } from './module-table.ts';
import { Probation, type ProbationRules } from './probation.ts';
import type { RunningVersion } from './running-version.ts';

/** How often time and health are looked at, in ms: time alone can pass a version whose runs are already enough. */
const JUDGING_INTERVAL_MS = 250;

/** What versions are tried with. */
export interface TrialParts {
  readonly rules: ProbationRules;
  readonly hooks: Hooks;
  /** Longest time in ms for a health check to answer. */
  readonly healthLimitMs: number;
  readonly table: ModuleTable;
  /** True in main: only it judges. */
  readonly mayJudge: () => boolean;
  /** A version has earned stable by so many runs. */
  readonly onPassed: (version: RunningVersion, successCount: number) => void;
  readonly onFailed: (version: RunningVersion, reason: string) => void | Promise<void>;
}

/** Tries versions. */
export class Trials {
  private readonly parts: TrialParts;
  private readonly probations = new Map<RunningVersion, Probation>();
  private readonly condemned = new WeakSet<RunningVersion>();
  private readonly asked = new WeakSet<RunningVersion>();
  /** Where errors began that went from a version on probation to its callers. */
  private readonly origins = new WeakMap<object, RunningVersion>();
  private judging: NodeJS.Timeout | undefined;

  constructor(parts: TrialParts) {
    this.parts = parts;
  }

  /** A version is on probation from now on, measured by the one in whose place it is. */
  begin(version: RunningVersion, previous?: RunningVersion): void {
    const former = previous === undefined ? undefined : this.probations.get(previous);
    const faultRate = former?.formerFaultRate ?? previous?.faultRate ?? 0;
    this.probations.set(version, new Probation(this.parts.rules, performance.now(), faultRate));
    this.judging ??= setInterval(() => this.judgeAll(), JUDGING_INTERVAL_MS).unref();
  }

  /** This process has become main: the probations of what it has loaded begin now. */
  beginAnew(): void {
    for (const [version, { formerFaultRate }] of this.probations)
      this.probations.set(version, new Probation(this.parts.rules, performance.now(), formerFaultRate));
  }

  /** The version is on probation no more: it was dropped, or made stable from outside. */
  end(version: RunningVersion): void {
    this.probations.delete(version);
  }

  /** True while a version is on probation in this process. */
  has(version: RunningVersion): boolean {
    return this.probations.has(version);
  }

  /** Names of the versions on probation. */
  names(): RunningVersion['name'][] {
    return [...this.probations.keys()].map(({ name }) => name);
  }

  /** Names of those of which nothing bad is known. */
  wellNames(): RunningVersion['name'][] {
    const well = [...this.probations].filter(([, probation]) => probation.failureReason === undefined);
    return well.map(([{ name }]) => name);
  }

  /** Judges no more. */
  close(): void {
    clearInterval(this.judging);
  }

  /** Notes how a run of a version ended, for its probation, or for that of the version that it called and where the error began. */
  noteRun(ran: RunningVersion, what: string, error: unknown): void {
    const isFailure = error !== undefined && !isRefusal(error);
    const version = (isFailure ? this.origins.get(error as object) : undefined) ?? ran;
    if (what.startsWith('route ')) version.countRequest(isFailure);
    const probation = this.probations.get(version);
    if (probation === undefined) return;
    if (!isFailure && what.startsWith('route ')) probation.handlerSucceeded();
    else if (!isFailure) probation.succeeded();
    else if (what.startsWith('task ')) probation.taskFailed(`${describe(error)} in ${what}`);
    else probation.handlerFailed(`${describe(error)} in ${what}`);
    const verdict = probation.verdict(performance.now());
    if (verdict === 'failed') this.condemned.add(version);
    if (verdict !== 'pending') queueMicrotask(() => void this.judge(version));
  }

  /** A call from another module has ended. Of one that threw the caller tells what became of it. */
  noteCall(version: RunningVersion, error: unknown): void {
    if (error === undefined) this.noteRun(version, 'export', undefined);
    else if (this.probations.has(version) && typeof error === 'object' && error !== null && !this.origins.has(error))
      this.origins.set(error, version);
  }

  /** True of a version that has failed and is about to be reverted, or that uses one: nothing more is begun on it. */
  isCondemned(version: RunningVersion): boolean {
    return this.withUsed(version).some((one) => this.condemned.has(one));
  }

  /** True while a version is on probation, or one that it uses: a failure of its tasks may be the fault of what is new. */
  isTried(version: RunningVersion): boolean {
    return this.probations.size > 0 && this.withUsed(version).some((one) => this.probations.has(one));
  }

  /**
   * Which version an error that nobody caught is blamed on: the one in whose script it arose; when no script had a part in it, the only one on probation.
   * Undefined: one's that has been replaced, or several are possible.
   */
  suspectOf(error: unknown): RunningVersion | undefined {
    const script = error instanceof Error ? scriptBehind(error) : undefined;
    if (script !== undefined) return this.parts.table.all().find(({ scriptName }) => scriptName === script);
    return this.probations.size === 1 ? [...this.probations.keys()][0] : undefined;
  }

  /** The version and all that it uses, directly or through others. */
  private withUsed(version: RunningVersion): RunningVersion[] {
    const found = new Set([version]);
    for (const one of found) {
      for (const [key, use] of Object.entries(one.definition.uses)) {
        const used = this.parts.table.get(use.module ?? key);
        if (used !== undefined) found.add(used);
      }
    }
    return [...found];
  }

  private judgeAll(): void {
    if (!this.parts.mayJudge()) return;
    for (const version of this.probations.keys()) void this.checkHealth(version).then(() => this.judge(version));
  }

  /** Asks a version on probation whether it is well; no, a throw, and no answer in time fail it. */
  private async checkHealth(version: RunningVersion): Promise<void> {
    const probation = this.probations.get(version);
    if (probation === undefined || this.asked.has(version)) return;
    this.asked.add(version);
    const problem = await healthProblem(version, this.parts.hooks, this.parts.healthLimitMs);
    this.asked.delete(version);
    if (problem !== undefined) probation.taskFailed(problem);
  }

  private async judge(version: RunningVersion): Promise<void> {
    const probation = this.probations.get(version);
    if (probation === undefined || !this.parts.mayJudge()) return;
    const verdict = probation.verdict(performance.now());
    if (verdict === 'pending') return;
    this.probations.delete(version);
    if (verdict === 'passed') this.parts.onPassed(version, probation.successCount);
    else await this.parts.onFailed(version, probation.failureReason ?? 'failed on probation');
  }
}
