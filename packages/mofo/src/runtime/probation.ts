// Whether a version on probation has earned *stable*: enough runs that succeeded and enough time, without a failure that counts.
// Pure, with the clock passed in; the application asks it after every run and acts on the verdict.

/** What a version must do to become stable. */
export interface ProbationRules {
  /** Runs (tasks, requests, calls from other modules) that must succeed. */
  readonly tasks: number;
  /** Least time on probation in ms. */
  readonly minimumMs: number;
  /** After this time in ms a version without a failure is taken as stable even if it was hardly used. */
  readonly deadlineMs: number;
}

/** Handler faults that a version on probation may have: a client can provoke one, so one alone proves nothing. */
export const HANDLER_FAULTS_MAX = 2;

/** The verdict so far. */
export type ProbationVerdict = 'pending' | 'passed' | 'failed';

/** Counts one version's runs. */
export class Probation {
  private readonly rules: ProbationRules;
  private readonly startedAtMs: number;
  /** Share of the requests that failed on the version before, which nobody holds against this one. */
  readonly formerFaultRate: number;
  private requests = 0;
  private successes = 0;
  private handlerFaults = 0;
  private failure: string | undefined;

  constructor(rules: ProbationRules, nowMs: number, formerFaultRate = 0) {
    this.rules = rules;
    this.formerFaultRate = formerFaultRate;
    this.startedAtMs = nowMs;
  }

  /** A run succeeded. */
  succeeded(): void {
    this.successes++;
  }

  /** A task of the version threw: its fault, unless the old version fails on the same task too. */
  taskFailed(reason: string): void {
    this.failure ??= reason;
  }

  /** An HTTP handler has answered. */
  handlerSucceeded(): void {
    this.requests++;
    this.successes++;
  }

  /** An HTTP handler threw something that was no decided refusal. */
  handlerFailed(reason: string): void {
    this.requests++;
    this.handlerFaults++;
    const isTooMany = this.handlerFaults > HANDLER_FAULTS_MAX;
    if (isTooMany && this.handlerFaults / this.requests > this.formerFaultRate) this.failure ??= reason;
  }

  /** Why it failed, if it did. */
  get failureReason(): string | undefined {
    return this.failure;
  }

  /** Runs that succeeded so far. */
  get successCount(): number {
    return this.successes;
  }

  /** The verdict at this moment. */
  verdict(nowMs: number): ProbationVerdict {
    if (this.failure !== undefined) return 'failed';
    const elapsedMs = nowMs - this.startedAtMs;
    if (elapsedMs >= this.rules.deadlineMs) return 'passed';
    return this.successes >= this.rules.tasks && elapsedMs >= this.rules.minimumMs ? 'passed' : 'pending';
  }
}
