// The role of main, as one process sees it: contend for it, wait for its owner's end, become main, give it back. No process is spawned
// here and nothing is judged: `openWatchdog` puts those around it for any program, and a launcher can do it in its own way.

import { url as inspectorUrl } from 'node:inspector';
import { type NativeRoleEvent, type NativeStore, SLOT_ROLE } from '@mofo/shm-store';
import { requireTimeLimit } from './arguments.ts';
import { heartbeatLimitDefaultMs, heartbeatLimitMinMs } from './constants.ts';
import { type Heartbeat, startHeartbeat } from './heartbeat.ts';
import { RunningWord } from './running-word.ts';
import { slotRoles } from './slot-report.ts';
import { slotViews } from './slot-words.ts';
import { handOver, settle, type Takeover, trySucceed } from './succession.ts';
import { WatchdogError } from './watchdog-error.ts';

/** Something that the watching thread did or could not do while main lives. */
export interface RoleNotice {
  /**
   * `cannot-kill`: main hangs and cannot be killed (another user's, frozen, stuck in the kernel): the takeover waits. `holder-killed`:
   * main waited for the write lock, and the process that would not give it up was killed.
   */
  readonly kind: 'cannot-kill' | 'holder-killed';
  readonly pid: number;
  /** What that process ran. */
  readonly label: string | undefined;
  readonly detail: string;
}

/** How a {@link RoleKeeper} works. */
export interface RoleKeeperOptions {
  /** Silence of main's event loop that counts as a hang; default 5,000 ms, 0: never, else at least 50. */
  readonly heartbeatLimitMs?: number;
  /** Called with what happens while main lives. */
  readonly onNotice?: (notice: RoleNotice) => void;
}

/** One process's part in the role of main. One per opened store. */
export class RoleKeeper {
  /** Names what this process runs. */
  readonly running: RunningWord;
  private readonly native: NativeStore;
  private readonly heartbeatLimitMs: number;
  private readonly onNotice: ((notice: RoleNotice) => void) | undefined;
  private readonly slotWords: Uint32Array;
  private currentRole: 'none' | 'main' | 'clone' = 'none';
  private heart: Heartbeat | undefined;
  private rejectWatch: ((error: Error) => void) | undefined;

  constructor(native: NativeStore, options: RoleKeeperOptions = {}) {
    const { heartbeatLimitMs = heartbeatLimitDefaultMs, onNotice } = options;
    requireTimeLimit(heartbeatLimitMs, 'heartbeatLimitMs', heartbeatLimitMinMs);
    this.native = native;
    this.heartbeatLimitMs = heartbeatLimitMs;
    this.onNotice = onNotice;
    this.slotWords = slotViews(native, native.slot).words;
    this.running = new RunningWord(native);
  }

  get role(): 'none' | 'main' | 'clone' {
    return this.currentRole;
  }

  /**
   * Becomes main now if nobody living is. Synchronous, microseconds. When it returns, dead processes' journals are recovered, the old main is
   * fenced (its next transaction fails with FENCED, should any thread of it live), and a heartbeat runs.
   *
   * @returns how; undefined when another process is main.
   * @throws WatchdogError ALREADY_MAIN; ShmStoreError RETIRED, STORE_DAMAGED, LOCK_FAILED (the role is not taken then).
   */
  contend(): Takeover | undefined {
    if (this.currentRole === 'main') throw alreadyMain();
    const takeover = trySucceed(this.native, undefined);
    if (takeover !== undefined) this.beMain();
    return takeover;
  }

  /**
   * Stands by until this process is main. Keeps the event loop alive. The process may do other work meanwhile, but each millisecond for which it
   * blocks its event loop is one that the takeover is late.
   *
   * @returns how it became main; of several that stand by one does, and the others wait on.
   * @throws (rejects) WatchdogError CLOSED after `close`, ALREADY_MAIN; ShmStoreError RETIRED, STORE_DAMAGED, LOCK_FAILED.
   */
  async watch(): Promise<Takeover> {
    if (this.currentRole === 'main') throw alreadyMain();
    if (this.rejectWatch !== undefined) {
      throw new WatchdogError(
        'ALREADY_WATCHING',
        'This process stands by already. Nothing was changed. Await the first call.',
      );
    }
    return await new Promise<Takeover>((resolve, reject) => {
      this.rejectWatch = reject;
      const onEvent = (event: NativeRoleEvent): void => {
        // An event may be under way while the watch is closed.
        if (this.rejectWatch !== reject) return;
        try {
          const takeover = this.answer(event);
          if (takeover === 'go-on') return;
          // Another clone won, and the watching thread has ended: begin again with the winner as main.
          if (takeover === undefined) this.watchNative(onEvent);
          else {
            this.endWatchLater();
            this.beMain();
            resolve(takeover);
          }
        } catch (error) {
          this.endWatch();
          this.setRole('none');
          reject(error);
        }
      };
      this.watchNative(onEvent);
      this.setRole('clone');
    });
  }

  /**
   * The deaths that the takeover reported are settled: what was guilty is quarantined. Until then they are kept in this process's slot, and
   * reported again to the next main should this one die.
   */
  settle(): void {
    settle(this.native);
  }

  /**
   * Gives the role back, or stops standing by. Giving it back is a clean end: whoever stands by takes over with reason `released`, and this process
   * is fenced. Safe to call twice.
   */
  close(): void {
    const wasMain = this.currentRole === 'main';
    this.heart?.close();
    this.heart = undefined;
    const reject = this.rejectWatch;
    this.endWatch();
    this.setRole('none');
    if (wasMain) handOver(this.native);
    reject?.(
      new WatchdogError('CLOSED', 'This process no longer stands by, because close() was called. Main goes on.'),
    );
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Acts on what the watching thread reports: how this process became main; undefined when another did; `go-on` while main lives. */
  private answer(event: NativeRoleEvent): Takeover | undefined | 'go-on' {
    const { reason, ownerPid, atMs, detail, slot } = event;
    switch (reason) {
      case 'cannot-kill':
      case 'holder-killed':
        this.onNotice?.({ kind: reason, pid: ownerPid, label: slot?.running ? slot.label : undefined, detail });
        return 'go-on';
      case 'failed':
        throw new WatchdogError(
          'WATCH_FAILED',
          `${detail}. This process no longer stands by; main goes on. Start it again as clone.`,
        );
      default:
        return trySucceed(this.native, { reason, deathAtMs: atMs, ownerPid });
    }
  }

  private watchNative(onEvent: (event: NativeRoleEvent) => void): void {
    this.native.watchRole(onEvent, inspectorUrl() === undefined, true);
  }

  private endWatch(): void {
    if (this.rejectWatch !== undefined) this.native.unwatchRole();
    this.rejectWatch = undefined;
  }

  /** The watching thread has nothing to watch any more; ending it takes a while, for which the next task does not wait. */
  private endWatchLater(): void {
    this.rejectWatch = undefined;
    setImmediate(() => {
      // Unless it stands by again by now, with a thread of its own.
      if (this.rejectWatch === undefined) this.native.unwatchRole();
    });
  }

  private beMain(): void {
    this.currentRole = 'main';
    this.heart = startHeartbeat(this.native, this.running, this.heartbeatLimitMs);
  }

  private setRole(role: 'none' | 'clone'): void {
    // The native side writes `main`, and takes it back itself when the role is released.
    if (this.currentRole !== 'main') this.slotWords[SLOT_ROLE / 4] = slotRoles.indexOf(role);
    this.currentRole = role;
  }
}

function alreadyMain(): WatchdogError {
  return new WatchdogError(
    'ALREADY_MAIN',
    'This process is main already. Nothing was changed. Close it to give the role back.',
  );
}
