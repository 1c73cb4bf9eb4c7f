// What the launcher knows of deaths: the wait status of its children, and what the process that took over reports. When it has both it can say which versions
// on probation are cleared, and gives back the tries that the dead process had spent for them.

import type { Registry } from '@mofo/versions';
import { blameOf } from './blame.ts';
import type { TakeoverReport } from './messages.ts';
import { type ProcessEnd, settleTries, spendTryAgain } from './settle-tries.ts';

/** Children and reports that are remembered: more than can be under way at once. */
const REMEMBERED_MAX = 16;

/** What a child is called where tries are spent, told from all others that ever ran. */
export interface NamedChild {
  readonly pid: number;
  readonly holder: string;
}

/** What the launcher has to do with it. */
export interface DeathHooks {
  /** A takeover that was known already is settled now. */
  readonly onSettled: () => void;
  /** Main ends in order, or has: nothing goes on. */
  readonly isStopping: () => boolean;
}

interface Death {
  readonly child: NamedChild;
  end?: ProcessEnd;
  report?: TakeoverReport;
  successor?: NamedChild;
}

/** Ends and takeovers of one launcher. */
export class Deaths {
  private readonly registry: Registry;
  private readonly hooks: DeathHooks;
  /** Oldest first; settled ones are taken out. */
  private readonly deaths: Death[] = [];

  constructor(registry: Registry, hooks: DeathHooks) {
    this.registry = registry;
    this.hooks = hooks;
  }

  /** True while a takeover is known and the end before it is not. */
  get isWaiting(): boolean {
    return this.deaths.some(({ report, end }) => report !== undefined && end === undefined);
  }

  /** A child has become main after another. `dead`: the child that it reports, if it was one of this launcher's. */
  tookOver(successor: NamedChild, report: TakeoverReport, dead: NamedChild | undefined): void {
    const known = dead ?? this.deaths.findLast(({ child }) => child.pid === report.deadPid)?.child;
    if (known !== undefined) this.note(known, { report, successor });
    // Nobody is left that could clear anything: what goes on costs its try.
    else this.goOn(successor, report);
    this.settleUnreported();
  }

  /** A child has ended. */
  ended(child: NamedChild, end: ProcessEnd): void {
    if (this.note(child, { end })) this.hooks.onSettled();
  }

  /** True if that settles it. */
  private note(child: NamedChild, news: Partial<Death>): boolean {
    let death = this.deaths.find((other) => other.child.holder === child.holder);
    if (death === undefined) {
      death = { child };
      this.deaths.push(death);
      if (this.deaths.length > REMEMBERED_MAX) this.deaths.shift();
    }
    Object.assign(death, news);
    const { end, report, successor } = death;
    if (end === undefined || report === undefined || successor === undefined) return false;
    this.deaths.splice(this.deaths.indexOf(death), 1);
    const named = report.isExact ? blameOf(report.label) : undefined;
    const { reason, guilty } = report;
    settleTries(this.registry, child.holder, { reason, named, guilty, end });
    this.goOn(successor, report);
    return true;
  }

  /**
   * A main whose successor died before it could report: of what it ran only the verdict is left, and that has been carried out. Clones that ended are among
   * them too; they had spent nothing.
   */
  private settleUnreported(): void {
    for (const { child, end } of this.deaths.filter(({ report }) => report === undefined)) {
      if (end === undefined) continue;
      settleTries(this.registry, child.holder, { reason: 'crash', named: undefined, guilty: undefined, end });
    }
    const left = this.deaths.filter(({ report }) => report !== undefined);
    this.deaths.splice(0, this.deaths.length, ...left);
  }

  private goOn({ holder }: NamedChild, { inherited }: TakeoverReport): void {
    if (this.hooks.isStopping()) return;
    for (const version of inherited) spendTryAgain(this.registry, version, holder);
  }
}
