// One process of a server script, as the launcher sees it.
//
//   starting ──warm──▶ warm ──load──▶ loading ──listens──▶ ready ──serve──▶ serving ──drain──▶ draining ──▶ ended

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { ConnectionHub } from '@mofo/shm-store';
import type { Version } from '@mofo/versions';
import type { Listeners } from './listeners.ts';
import {
  type FromScript,
  LAUNCHER_VARIABLE,
  type ListenQuestion,
  readLines,
  type Sources,
  type ToScript,
} from './messages.ts';
import type { ScriptOptions } from './script-options.ts';

/** How a process ended. */
export interface ScriptEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly isHung: boolean;
}

/** Who hears of a process. */
export interface ScriptProcessEvents {
  readonly onEnd: (process: ScriptProcess, end: ScriptEnd) => void;
  readonly onHandedOver: (process: ScriptProcess, numbers: readonly number[]) => void;
  readonly onLoaded: (files: readonly string[]) => void;
  readonly onUnlisten: (process: ScriptProcess, listener: number) => void;
  readonly onPong: (process: ScriptProcess) => void;
}

/** Questions in a hang's limit that must be answered. */
const PINGS_UNANSWERED_MAX = 4;

/** A running process. */
export class ScriptProcess {
  readonly pid: number;
  /** Tells it from all others that ever ran: who spends tries. */
  readonly holder: string;
  readonly startedAt: number = performance.now();
  version: Version | undefined;
  /** Where it listens. */
  readonly listeners: Set<number> = new Set();
  /** What it last said of itself. */
  pong: Extract<FromScript, { type: 'pong' }> | undefined;
  /** Its event loop is watched: from being ready on. */
  isWatched = false;
  end: ScriptEnd | undefined;
  /** Resolves when it has ended. */
  readonly ended: Promise<ScriptEnd>;
  private readonly child: ChildProcess;
  private readonly control: Duplex;
  private readonly readyWhen: 'listening' | 'ready';
  private readonly waiting = new Map<FromScript['type'], ((message: FromScript) => void)[]>();
  private readonly pinging: NodeJS.Timeout;
  private unanswered = 0;
  private isHung = false;
  private isWarm = false;

  constructor(options: ScriptOptions, hub: ConnectionHub, listeners: Listeners, events: ScriptProcessEvents) {
    const channelFd = hub.addProcess();
    this.child = spawn(
      process.execPath,
      ['--import', new URL('./script-process-hook.js', import.meta.url).href, options.script, ...options.parameters],
      {
        cwd: options.directory,
        env: { ...options.environment, [LAUNCHER_VARIABLE]: String(process.pid) },
        stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', channelFd, hub.tableFd],
        // Its own group, so that Ctrl-C at the terminal reaches the launcher alone, which stops in order.
        detached: true,
      },
    );
    closeSync(channelFd);
    this.pid = this.child.pid ?? 0;
    this.holder = `${this.pid}-${Date.now()}`;
    this.readyWhen = options.waitsForReady ? 'ready' : 'listening';
    this.control = this.child.stdio[3] as Duplex;
    this.control.on(
      'data',
      readLines<FromScript>((message) => this.receive(message, events)),
    );
    // Its end is told by its exit.
    this.control.on('error', () => {});
    const questions = this.child.stdio[4] as Duplex;
    questions.on('error', () => {});
    questions.on(
      'data',
      readLines<ListenQuestion>((question) => {
        const answer = listeners.listen(question, this.listeners);
        if (!('error' in answer)) this.listeners.add(answer.listener);
        questions.write(`${JSON.stringify(answer)}\n`);
      }),
    );
    this.pinging = setInterval(() => this.ping(), options.hangAfterMs / PINGS_UNANSWERED_MAX);
    this.ended = new Promise((resolve) => {
      const done = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (this.end !== undefined) return;
        clearInterval(this.pinging);
        this.end = { code, signal, isHung: this.isHung };
        resolve(this.end);
        events.onEnd(this, this.end);
      };
      this.child.once('exit', done);
      this.child.once('error', () => done(1, null));
    });
  }

  get isAlive(): boolean {
    return this.end === undefined;
  }

  send(message: ToScript): void {
    if (this.isAlive && !this.control.destroyed) this.control.write(`${JSON.stringify(message)}\n`);
  }

  /** Sends a signal; to one that has ended, nothing. */
  kill(signal: NodeJS.Signals): void {
    if (this.isAlive) this.child.kill(signal);
  }

  /** Resolves when a message of this type comes; undefined when the process has ended, or after the time. */
  async next<Type extends FromScript['type']>(
    type: Type,
    limitMs: number,
  ): Promise<Extract<FromScript, { type: Type }> | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const said = new Promise<FromScript>((resolve) => {
      const waiting = this.waiting.get(type);
      if (waiting === undefined) this.waiting.set(type, [resolve]);
      else waiting.push(resolve);
    });
    const over = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    const message = await Promise.race([said, over, this.ended.then(() => undefined)]);
    clearTimeout(timer);
    return message as Extract<FromScript, { type: Type }> | undefined;
  }

  /**
   * Runs the script. Resolves with whether it became ready in time and lives.
   *
   * @param required where it must listen to be ready; after the first it has `graceMs` for the others.
   */
  async load(
    version: Version,
    sources: Sources,
    limitMs: number,
    required: readonly number[],
    graceMs: number,
  ): Promise<boolean> {
    this.version = version;
    // The time is the script's: that of starting a process is not counted.
    if (!this.isWarm && (await this.next('warm', limitMs)) === undefined) return false;
    const ready = this.next(this.readyWhen, limitMs);
    this.send({ type: 'load', sources, offersSend: this.readyWhen === 'ready' });
    if ((await ready) === undefined) return false;
    const until = performance.now() + graceMs;
    while (this.isAlive && required.some((listener) => !this.listeners.has(listener)) && performance.now() < until)
      await this.next('listening', Math.max(1, until - performance.now()));
    this.isWatched = this.isAlive;
    return this.isAlive;
  }

  /** Hears nothing of it any more for a hang: a process that waits need not answer. */
  private ping(): void {
    if (!this.isWatched || !this.isAlive) return;
    if (this.unanswered++ < PINGS_UNANSWERED_MAX) {
      this.send({ type: 'ping' });
      return;
    }
    this.isHung = true;
    this.kill('SIGKILL');
  }

  private receive(message: FromScript, events: ScriptProcessEvents): void {
    for (const resolve of this.waiting.get(message.type)?.splice(0) ?? []) resolve(message);
    switch (message.type) {
      case 'warm':
        this.isWarm = true;
        return;
      case 'pong':
        this.unanswered = 0;
        this.pong = message;
        events.onPong(this);
        return;
      case 'loaded':
        events.onLoaded(message.files);
        return;
      case 'handed-over':
        events.onHandedOver(this, message.numbers);
        return;
      case 'unlisten':
        this.listeners.delete(message.listener);
        events.onUnlisten(this, message.listener);
    }
  }
}

/** What a process died of, in a few words. */
export function causeOf({ code, signal, isHung }: ScriptEnd): string {
  if (isHung) return 'hang';
  return signal ?? `exit code ${code}`;
}
