// A warm standby for any program: main works, its clone runs the same program up to here and waits; when main dies or hangs, the clone
// goes on from this line as main, and starts the next clone.

import type { Store } from '@mofo/journal';
import { limitCoreDump } from '@mofo/shm-store';
import { requireKnownOptions, requireTimeLimit } from './arguments.ts';
import { type CloneEvent, CloneKeeper } from './clone-keeper.ts';
import { hangAfterDefaultMs } from './constants.ts';
import { createLabel, type Label } from './label.ts';
import { Quarantine } from './quarantine.ts';
import { rehearseTakeover } from './rehearsal.ts';
import { type BudgetWindow, RestartBudget } from './restart-budget.ts';
import { RoleKeeper, type RoleNotice } from './role-keeper.ts';
import type { Takeover } from './succession.ts';
import { TakeoverBudget } from './takeover-budget.ts';
import { WatchdogError } from './watchdog-error.ts';

/** What happens around a watchdog, for logs. */
export type WatchdogEvent = CloneEvent | RoleNotice | RehearsalFailed;

/** This clone could not play a takeover beforehand, and will be some milliseconds slower. */
export interface RehearsalFailed {
  readonly kind: 'rehearsal-failed';
  readonly error: Error;
}

/** How {@link openWatchdog} works. */
export interface WatchdogOptions {
  /** The store that main and clone share; each opens it for itself. */
  readonly store: Store;
  /** The program to start as clone: path or file: URL, usually `import.meta.url`. Absent: somebody else starts the clones. */
  readonly program?: string | URL;
  /** Its arguments; default: those of this process. */
  readonly args?: readonly string[];
  /** Environment of the clone; default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** A run must end within this time unless it says otherwise; default 2,000 ms, 0: no limit. */
  readonly hangAfterMs?: number;
  /** Silence of main's event loop that counts as a hang; default 5,000 ms, 0: never, else at least 50. */
  readonly heartbeatLimitMs?: number;
  /** Takeovers in the whole, and clones of one process, allowed in a short time; default 10 in 10 s. */
  readonly burst?: BudgetWindow;
  /** The same in the long run; default 100 in an hour. */
  readonly sustained?: BudgetWindow;
  /** Let crashes dump core, which delays a takeover by the whole dump; default false. */
  readonly coreDumps?: boolean;
  /** Called with what happens, for logs. */
  readonly onEvent?: (event: WatchdogEvent) => void;
}

/** How one run is watched. */
export interface RunOptions {
  /** The run must end within this time; default: the watchdog's; 0: no limit. */
  readonly hangAfterMs?: number;
  /** The caller's number of the task, a whole number from 1 to 2^53; reported at a takeover. */
  readonly taskId?: number;
  /** The run awaits, so that others run before it ends. Its blame is that of a candidate, and it has no time limit unless one is given. */
  readonly isAsync?: boolean;
}

/** A run that has begun. */
export interface Run {
  /** It has ended. Safe to call twice. */
  end(): void;
  [Symbol.dispose](): void;
}

const optionNames = [
  'store',
  'program',
  'args',
  'env',
  'hangAfterMs',
  'heartbeatLimitMs',
  'burst',
  'sustained',
  'coreDumps',
  'onEvent',
];
const runOptionNames = ['hangAfterMs', 'taskId', 'isAsync'];
/** Labels made from text are kept up to this number. */
const labelCacheMax = 1_000;

/**
 * Makes this process main, or the clone that takes over from it.
 *
 * Synchronous in effect: when the promise resolves, the role is decided. As main it has started its clone already, which stands by some 100 ms
 * later (`cloneReady`). Turns core dumps off for this process and its children unless told otherwise. A killed process leaves its slot
 * in the store, from which its successor reads what it died of.
 *
 * @throws WatchdogError UNKNOWN_OPTION; RangeError; ShmStoreError RETIRED, STORE_DAMAGED, TOO_MANY_PROCESSES, STORE_FULL.
 * @example
 * const store = openStore({ name: 'bank', sizeBytes: 64 * 2 ** 20 });
 * const guard = await openWatchdog({ store, program: import.meta.url });
 * const { reason, label } = await guard.takeover;   // at once as main; in the clone when main has died
 */
export async function openWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  requireKnownOptions(options, optionNames, 'openWatchdog');
  const { hangAfterMs = hangAfterDefaultMs, coreDumps = false } = options;
  requireTimeLimit(hangAfterMs, 'hangAfterMs', 1);
  if (!coreDumps) limitCoreDump();
  return new Watchdog({ ...options, hangAfterMs });
}

/** This process's side of the pair. Made by {@link openWatchdog}. */
export class Watchdog {
  /**
   * Resolves when this process is main: at once if it was first, otherwise when it has taken over. Says why, and what the dead one ran.
   * Rejects with RESTART_BUDGET_SPENT when there were too many takeovers (the role is given back), with CLOSED after `close`.
   */
  readonly takeover: Promise<Takeover>;
  /** Versions that must not be loaded again. */
  readonly quarantine: Quarantine;

  private readonly store: Store;
  private readonly tell: (event: WatchdogEvent) => void;
  private readonly keeper: RoleKeeper;
  private readonly clones: CloneKeeper | undefined;
  private readonly takeovers: TakeoverBudget;
  private readonly hangAfterMs: number;
  private readonly labels = new Map<string, Label>();
  private isSettled = false;
  private closing: Promise<void> | undefined;

  constructor(options: WatchdogOptions & { readonly hangAfterMs: number }) {
    const { store, program, heartbeatLimitMs, burst, sustained, onEvent } = options;
    const windows = { ...(burst === undefined ? {} : { burst }), ...(sustained === undefined ? {} : { sustained }) };
    const tell = (event: WatchdogEvent): void => onEvent?.(event);
    const cloneBudget = new RestartBudget(windows);
    this.store = store;
    this.tell = tell;
    this.hangAfterMs = options.hangAfterMs;
    this.keeper = new RoleKeeper(store.native, {
      onNotice: tell,
      ...(heartbeatLimitMs === undefined ? {} : { heartbeatLimitMs }),
    });
    // The roots are made now, so that a takeover does not have to.
    this.quarantine = new Quarantine(store);
    this.takeovers = new TakeoverBudget(store, windows);
    this.clones =
      program === undefined
        ? undefined
        : new CloneKeeper(
            store.native,
            {
              program,
              args: options.args ?? process.argv.slice(2),
              execArgv: cloneExecArgv(),
              env: options.env ?? process.env,
            },
            cloneBudget,
            tell,
          );
    const first = this.keeper.contend();
    this.takeover = first === undefined ? this.standBy() : Promise.resolve(first);
    // Whoever only closes never looks at it.
    this.takeover.catch(() => {});
    if (first !== undefined) this.clones?.start();
  }

  /** What this process is now. */
  get role(): 'main' | 'clone' | 'none' {
    return this.keeper.role;
  }

  /**
   * Says that a run begins: if this process dies before its end, the clone is told of it; if it does not end in time, the clone kills this
   * process. The first run settles what the takeover reported. Costs some 150 ns; with a label made by `createLabel` there is no look-up.
   *
   * @param what what runs: a label, or text of which up to 1,000 different ones are remembered.
   * @throws WatchdogError NOT_MAIN, TOO_MANY_RUNS, UNKNOWN_OPTION.
   */
  begin(what: string | Label, options: RunOptions = {}): Run {
    requireKnownOptions(options, runOptionNames, 'begin');
    const { isAsync = false, hangAfterMs = isAsync ? 0 : this.hangAfterMs, taskId = 0 } = options;
    requireTimeLimit(hangAfterMs, 'hangAfterMs', 1);
    if (this.keeper.role !== 'main') {
      throw new WatchdogError(
        'NOT_MAIN',
        `This process is ${this.role}, and only main runs tasks. Nothing was begun. Await takeover first.`,
      );
    }
    if (!this.isSettled) this.settle();
    const { running } = this.keeper;
    let run = running.begin(typeof what === 'string' ? this.labelOf(what) : what, taskId, hangAfterMs, isAsync);
    const end = (): void => {
      if (run !== 0) running.end(run);
      run = 0;
    };
    return { end, [Symbol.dispose]: end };
  }

  /**
   * What the takeover reported has been acted upon. Until this, or the first run, it is kept, and the next main is told of it too.
   */
  settle(): void {
    this.isSettled = true;
    this.keeper.settle();
  }

  /**
   * Resolves with the clone's pid when it stands by.
   *
   * @throws (rejects) WatchdogError NOT_MAIN, NO_CLONE when clones ended too often, or no program was given.
   */
  async cloneReady(): Promise<number> {
    if (this.role !== 'main')
      throw new WatchdogError('NOT_MAIN', `This process is ${this.role}, and only main has a clone.`);
    if (this.clones === undefined) {
      throw new WatchdogError(
        'NO_CLONE',
        'No program was given, so this watchdog starts no clones. Pass program: import.meta.url.',
      );
    }
    return await this.clones.ready();
  }

  /**
   * Ends the watch: main's clone is ended first, then the role is given back; a clone just stops standing by. A main that ends without this is
   * taken over from. Other programs that stand by on the same store take over. Safe to call twice.
   */
  close(): Promise<void> {
    this.closing ??= this.closeNow();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async closeNow(): Promise<void> {
    await this.clones?.stop();
    this.keeper.close();
  }

  private async standBy(): Promise<Takeover> {
    const end = this.keeper.watch();
    this.rehearse();
    const takeover = await end;
    if (takeover.reason !== 'released') this.spendTakeover(takeover);
    this.clones?.startSoon();
    return takeover;
  }

  /** Only to be quicker: a clone that could not rehearse takes over all the same. */
  private rehearse(): void {
    const spend = (): void => void this.takeovers.spend(Date.now());
    rehearseTakeover(this.store, spend, () => this.keeper.role === 'clone').catch((error: unknown) =>
      this.tell({ kind: 'rehearsal-failed', error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  private spendTakeover(takeover: Takeover): void {
    const answer = this.takeovers.spend(Date.now());
    if (answer.allowed) return;
    this.keeper.close();
    const seconds = Math.ceil((answer.nextAtMs - Date.now()) / 1000);
    throw new WatchdogError(
      'RESTART_BUDGET_SPENT',
      `Main (pid ${takeover.deadPid}) died${takeover.label === undefined ? '' : ` in "${takeover.label}"`}, after so many others that it is not taken over ` +
        `from again (the ${answer.full} budget has room in ${seconds} s). The role is given back and the data is sound. ` +
        'Find out why it dies, then start the program again.',
      { data: { takeover } },
    );
  }

  private labelOf(text: string): Label {
    let label = this.labels.get(text);
    if (label !== undefined) return label;
    if (this.labels.size >= labelCacheMax) this.labels.clear();
    label = createLabel(text);
    this.labels.set(text, label);
    return label;
  }
}

/** A debugger's port cannot be opened twice. */
function cloneExecArgv(): string[] {
  return process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
}
