// A program's standard output as events, one line of JSON each; all processes of the program may write there.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One line. */
export type LineEvent = Readonly<Record<string, unknown>>;

/** Keeps what a program said, and lets one wait for what it will say. */
export class LineEvents {
  private readonly said: LineEvent[] = [];
  private readonly waiting = new Set<() => void>();
  private ended: Error | undefined;

  constructor(child: ChildProcess) {
    if (child.stdout === null) throw new TypeError('The program needs a pipe as standard output.');
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      this.said.push(JSON.parse(line) as LineEvent);
      this.look();
    });
    // When all processes that could write have ended.
    lines.on('close', () => {
      this.ended = new Error(`The program has ended. It said last: ${JSON.stringify(this.said.slice(-5))}`);
      this.look();
    });
  }

  /** Resolves with the first event, said already or not, of which `isWanted` is true. Rejects when the program has ended without it. */
  async find(isWanted: (event: LineEvent) => boolean): Promise<LineEvent> {
    for (;;) {
      const found = this.said.find(isWanted);
      if (found !== undefined) return found;
      if (this.ended !== undefined) throw this.ended;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  private look(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}
