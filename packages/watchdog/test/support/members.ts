// Starts members (test/programs/member.mjs) of one store, talks to them, and ends them and the store after each test.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { counter, destroyStore, json, openStore, type Store, text, tree } from '@mofo/journal';
import type { Takeover } from '../../src/succession.ts';

/** A line that a member said. */
export interface Said {
  readonly event: string;
  readonly pid: number;
  readonly takeover?: Takeover;
  readonly code?: string;
  readonly [key: string]: unknown;
}

const roots = {
  owner: tree(text(), json<{ term: number; pid: number }>()),
  violations: tree(text(), json<unknown>()),
  work: counter(),
};

let lastNumber = 0;

/** A store and its processes. */
export class Members {
  readonly name: string = `test-${process.pid}-${++lastNumber}`;
  readonly store: Store<typeof roots> = openStore({ name: this.name, sizeBytes: 2 ** 20, root: roots });
  private readonly children: ChildProcess[] = [];

  start(options: Record<string, unknown> = {}, plant = 'none'): Member {
    const program = fileURLToPath(new URL('../programs/member.mjs', import.meta.url));
    const child = spawn(process.execPath, [program, this.name, JSON.stringify(options), plant], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.children.push(child);
    return new Member(child);
  }

  /** What main's own checks found. */
  violations(): unknown[] {
    return [...this.store.root.violations].map(([, violation]) => violation);
  }

  async end(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    this.store.close();
    destroyStore(this.name, { force: true });
  }
}

/** One process. */
export class Member {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly said: Said[] = [];
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  private wake: () => void = () => {};
  private hasEnded = false;

  constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid as number;
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    createInterface({ input: child.stdout! })
      .on('line', (line) => {
        this.said.push(JSON.parse(line) as Said);
        this.wake();
      })
      .on('close', () => {
        this.hasEnded = true;
        this.wake();
      });
    child.stdin!.on('error', () => {});
  }

  /** The first line of that kind that was or will be said; fails when it has ended without saying it. */
  async hears(event: string): Promise<Said> {
    for (;;) {
      const found = this.said.find((line) => line.event === event);
      if (found !== undefined) return found;
      if (this.hasEnded)
        throw new Error(`member ${this.pid} ended without saying "${event}": ${JSON.stringify(this.said)}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async takesOver(): Promise<Takeover> {
    // JSON leaves out what is undefined.
    const absent = { deadPid: undefined, label: undefined, taskId: undefined, unsettled: undefined };
    return { ...absent, ...((await this.hears('main')).takeover as Takeover) };
  }

  /** Tells it to do something, not waiting for it. */
  tell(command: string, details: Record<string, unknown> = {}): void {
    this.child.stdin!.write(`${JSON.stringify({ do: command, ...details })}\n`);
  }

  /** Tells it to do something and waits until it has. */
  async does(command: string, details: Record<string, unknown> = {}): Promise<void> {
    const before = this.said.length;
    this.tell(command, details);
    while (!this.said.slice(before).some((line) => line.event === 'done' && line.did === command)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Kills it and waits for its end. */
  async killed(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}
