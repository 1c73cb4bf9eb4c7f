// The wait status says what the clone could only guess (SIGSEGV, exit code, heap exhausted): it goes into the version's history. Takeover, end and
// quarantine are reported in any order; this acts when all three are there. Until then what the clone guessed is held back, so that a verdict is told once.

import type { Registry } from '@mofo/versions';
import type { RuntimeEvent, TakeoverReport } from './messages.ts';

/** What the clone writes of a death whose cause it does not know, with the task's number; of a hang it knows all there is to know. */
const GUESSED = 'crash in ';

/** Puts takeover, end and quarantine of one death together. */
export class BlameRefinement {
  private readonly registry: Registry;
  private readonly onEvent: (event: RuntimeEvent) => void;
  private takeover: TakeoverReport | undefined;
  private end: { readonly pid: number; readonly cause: string; readonly stack: string | undefined } | undefined;
  private held: RuntimeEvent | undefined;
  /** Of whose death the exact reason has been told. */
  private toldPid: number | undefined;

  constructor(registry: Registry, onEvent: (event: RuntimeEvent) => void) {
    this.registry = registry;
    this.onEvent = onEvent;
  }

  /** A clone has taken over. Its quarantine follows, and with it `tryNow`. */
  tookOver(report: TakeoverReport): void {
    this.takeover = report;
  }

  /** A process that may have been main has ended. */
  ended(pid: number, cause: string, stack: string | undefined): void {
    // Of the death before there is no more to come.
    if (this.held?.data?.deadPid !== pid) this.tellHeld();
    this.end = { pid, cause, stack };
  }

  /** A verdict has come; a guess waits for what the launcher knows of the death, if it will know it. */
  judged(event: RuntimeEvent, willKnow: (pid: number) => boolean): void {
    const { deadPid } = event.data ?? {};
    const isGuess = typeof deadPid === 'number' && event.message.startsWith(GUESSED);
    if (isGuess && deadPid === this.toldPid) return;
    if (!isGuess || (this.end?.pid !== deadPid && !willKnow(deadPid))) {
      this.onEvent(event);
      return;
    }
    this.tellHeld();
    this.held = event;
    this.tryNow();
  }

  /** Nothing will become more exact any more. */
  tellHeld(): void {
    if (this.held !== undefined) this.onEvent(this.held);
    this.held = undefined;
  }

  /** Makes the reason more exact if everything is known by now. */
  tryNow(): void {
    const { takeover, end, registry } = this;
    if (takeover === undefined || end === undefined || takeover.deadPid !== end.pid) return;
    if (takeover.module === undefined || takeover.version === undefined) return;
    const version = registry.get(takeover.module, takeover.version);
    if (version === undefined || version.state !== 'unstable') return;
    this.end = undefined;
    if (!version.reason.startsWith(GUESSED)) {
      this.tellHeld();
      return;
    }
    this.held = undefined;
    this.toldPid = takeover.deadPid;
    const reason = `${end.cause} in ${version.reason.slice(GUESSED.length)}`;
    const { stack } = end;
    const refined = registry.quarantine(version, reason, stack === undefined ? {} : { stack });
    this.onEvent({
      at: Date.now(),
      kind: 'unstable',
      module: refined.module,
      version: refined.id,
      message: reason,
      data: { hash: refined.hash, refined: true },
    });
  }
}
