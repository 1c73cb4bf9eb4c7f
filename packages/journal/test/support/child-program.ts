// Child programs of the tests: processes of their own that import the built package, because kills, stops and races need real ones.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A running program of test/programs and the lines of JSON that it has printed. */
export class ChildProgram {
  readonly process: ChildProcess;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<string>;
  errors = '';
  private readonly lines: Record<string, unknown>[] = [];
  private rest = '';
  private wake: () => void = () => {};
  private hasEnded = false;

  constructor(program: string, args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
    this.process = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdin?.on('error', () => undefined); // killed with something unread: what matters is `ended`
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.rest + text).split('\n');
      this.rest = parts.pop() as string;
      for (const part of parts) this.lines.push(JSON.parse(part) as Record<string, unknown>);
      this.wake();
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.ended = once(this.process, 'close').then(([code, signal]) => {
      this.hasEnded = true;
      this.wake();
      return String(signal ?? code);
    });
  }

  /** True until it has ended. */
  get isRunning(): boolean {
    return !this.hasEnded;
  }

  /** The next line. Rejects when the program ends without one. */
  async next(): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.lines.shift();
      if (line !== undefined) return line;
      if (this.hasEnded) throw new Error(`the program ended (${await this.ended}): ${this.errors}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Says something to it. */
  say(text: string): void {
    this.process.stdin?.write(`${text}\n`);
  }

  /** Kills it with SIGKILL and resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
