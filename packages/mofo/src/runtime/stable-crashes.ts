// Stable versions that crash by themselves. Once may be anything; as often as the config says, within its time, and the version is unstable after all, and the one before it
// runs. A kill from outside is never counted; a version that was quarantined for the death, being on probation, has had its verdict.
//
// A death is judged when both are known: what the clone that took over says the dead process ran, and how it ended by its wait status. `kill -SEGV` from outside cannot be
// told from a crash.

import type { Registry, Version } from '@mofo/versions';
import { blameOf } from './blame.ts';
import type { RuntimeEvent, TakeoverReport } from './messages.ts';
import { OUTSIDE_SIGNALS } from './settle-tries.ts';

/** How a process ended, as far as it matters here. */
export interface CrashEnd {
  readonly pid: number;
  readonly signal: NodeJS.Signals | null;
  readonly isHung: boolean;
  readonly isOutOfMemory: boolean;
  /** In a few words. */
  readonly cause: string;
  readonly stack: string | undefined;
}

/** What stable crashes are counted with. */
export interface StableCrashParts {
  readonly registry: Registry;
  readonly rules: { readonly burst: number; readonly windowMs: number };
  readonly onEvent: (event: RuntimeEvent) => void;
  /** A version has crashed too often: the processes are to run another one. */
  readonly onCondemned: (version: Version, reason: string) => void;
  readonly now: () => number;
}

/** Deaths that wait for their other half; more than can be under way at once. */
const WAITING_MAX = 16;

/** Counts the crashes of stable versions. */
export class StableCrashes {
  private readonly parts: StableCrashParts;
  private readonly reports = new Map<number, TakeoverReport>();
  private readonly ends = new Map<number, CrashEnd>();

  constructor(parts: StableCrashParts) {
    this.parts = parts;
  }

  /** A process has taken over, or started after a death. */
  tookOver(report: TakeoverReport): void {
    remember(this.reports, report.deadPid, report);
    this.judge(report.deadPid);
  }

  /** A process that may have been main has ended. */
  ended(end: CrashEnd): void {
    remember(this.ends, end.pid, end);
    this.judge(end.pid);
  }

  private judge(pid: number): void {
    const report = this.reports.get(pid);
    const end = this.ends.get(pid);
    if (report === undefined || end === undefined) return;
    this.reports.delete(pid);
    this.ends.delete(pid);
    const blame = blameOf(report.label);
    if (blame === undefined || !report.isExact || report.guilty !== undefined || isFromOutside(report, end)) return;
    const { registry } = this.parts;
    const version = registry.get(blame.module, blame.id);
    if (version?.stableAt === undefined) return;
    const cause = report.reason === 'hang' ? 'hang' : end.cause;
    this.count(version, `${cause} in ${blame.what}`, end.stack);
  }

  private count(version: Version, reason: string, stack: string | undefined): void {
    const { registry, rules, onEvent, onCondemned, now } = this.parts;
    const options = { by: 'launcher', ...(stack === undefined ? {} : { stack }) };
    const { crashes } = registry.reportCrash(version, reason, options);
    const since = Math.max(now() - rules.windowMs, version.stableAt ?? 0);
    const recent = crashes.filter(({ at }) => at >= since).length;
    const { module, id, hash } = version;
    const of = { at: now(), module, version: id };
    if (recent < rules.burst) {
      const message = `crashed by itself while stable: ${reason}; ${recent} of ${rules.burst} within ${rules.windowMs / 1_000} s`;
      onEvent({ ...of, kind: 'warning', message, data: { code: 'STABLE_CRASH', hash, recent, stack } });
      return;
    }
    const verdict = `${recent} crashes by itself within ${rules.windowMs / 1_000} s while stable, the last: ${reason}`;
    registry.quarantine(version, verdict, options);
    onEvent({ ...of, kind: 'unstable', message: verdict, data: { hash, recent, stack } });
    onCondemned(version, verdict);
  }
}

/** What a run did to itself: its own signal, an exit, a hang. */
function isFromOutside(report: TakeoverReport, end: CrashEnd): boolean {
  if (report.reason === 'hang' || end.isHung) return false;
  return end.isOutOfMemory || (end.signal !== null && OUTSIDE_SIGNALS.has(end.signal));
}

function remember<T>(map: Map<number, T>, pid: number, value: T): void {
  map.set(pid, value);
  const [oldest] = map.keys();
  if (map.size > WAITING_MAX && oldest !== undefined) map.delete(oldest);
}
