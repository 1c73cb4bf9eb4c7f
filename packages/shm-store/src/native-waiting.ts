// The waiting side of the addon's store object: the role of main, its death and hangs, and wait/notify across processes. Times are
// milliseconds of the monotonic clock (process.hrtime), the same in every process of the machine.

/** The words of one slot, copied one after another; see the slot group of layout.json. */
export interface NativeSlot {
  readonly slot: number;
  /** 0 free, 1 used. */
  readonly state: number;
  readonly pid: number;
  readonly tid: number;
  /** 0 none, 1 main, 2 clone, 3 worker. */
  readonly role: number;
  readonly generation: number;
  /** Start time of the thread in clock ticks since boot. */
  readonly startTime: number;
  readonly term: number;
  readonly mark: number;
  readonly transactionId: number;
  /** 0 nothing, 1 the write lock. */
  readonly waitingFor: number;
  /** Thread id of the lock's holder as last seen by the waiter. */
  readonly waitingOwner: number;
  readonly waitingSinceMs: number;
  readonly running: number;
  readonly runningSerial: number;
  readonly deadlineMs: number;
  readonly heartbeatMs: number;
  readonly heartbeatLimitMs: number;
  readonly runStartedMs: number;
  readonly taskId: number;
  /** What runs, as UTF-8. */
  readonly label: string;
}

/** What a role watch reports. After `dead`, `hang`, `released` and `failed` it has ended; after the others it goes on. */
export interface NativeRoleEvent {
  /**
   * `dead`: the owner died. `hang`: it missed its deadline or heartbeat, was killed, and its death is confirmed. `released`: it gave the role
   * back, or nobody had it. `holder-killed`: main waited for the write lock of another process, which was killed. `cannot-kill`: whoever hangs could not be
   * killed or did not die within 2 s. `failed`: the lock cannot be waited for.
   */
  readonly reason: 'dead' | 'hang' | 'released' | 'holder-killed' | 'cannot-kill' | 'failed';
  /** Pid of whoever died or is to blame; 0 none. */
  readonly ownerPid: number;
  readonly atMs: number;
  /** Which limit was missed, or why a kill failed; empty otherwise. */
  readonly detail: string;
  /** The slot of whoever died or is to blame, as it was before a kill; undefined when nobody is known. */
  readonly slot: NativeSlot | undefined;
}

/** What a NativeStore offers besides memory and transactions. */
export interface NativeWaiting {
  /** Takes the role of main if nobody living has it; true also when this thread has it already. Held until releaseRole, close or the thread's end. */
  tryAcquireRole(): boolean;
  /** Recovers the former main's transaction, then makes the owner of the role the main of the next term, which is returned: from then on the former main is FENCED. */
  raiseTerm(): number;
  /** Gives the role back; nothing happens without it. */
  releaseRole(): void;
  /** Waits in a thread of the addon for the role's end and, if `judgesHangs`, kills a main that hangs. A second call replaces the first. */
  watchRole(callback: (event: NativeRoleEvent) => void, judgesHangs: boolean, keepsAlive: boolean): void;
  unwatchRole(): void;
  readSlot(slot: number): NativeSlot;
  /** Counts the channel's word (at CONTROL_CHANNELS) up and wakes who waits, in every process. */
  notify(channel: number): void;
  /** Calls back soon after any channel was rung; many rings may be one call. A second call replaces the first. */
  watchDoorbell(callback: () => void, keepsAlive: boolean): void;
  unwatchDoorbell(): void;
  /** Blocks the thread until the channel's word differs from `seenValue` (true) or the time is up (false); -1 waits without limit. */
  waitSync(channel: number, seenValue: number, timeoutMs: number): boolean;
}
