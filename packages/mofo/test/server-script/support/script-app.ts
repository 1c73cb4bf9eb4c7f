// A server script under test, seen from outside only: a folder inside this package, so that the real express, fastify and koa are found, run by the real `mofo`
// command, whose events are read as JSON lines from standard error. Nothing sleeps: whoever waits, waits for an event, an end or an answer.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type AppEvent, type CommandResult, callMofo, isAlive, mofoProgram } from '../../runtime/support/test-app.ts';

/** Longest wait for one thing; long, for the machine may be busy, and never used up when all is well. */
const LIMIT_MS = 60_000;

/** Probation that a test can live to see. */
export const QUICK = ['--probation-time', '1ms', '--probation-requests', '3', '--hang-after', '1s'];

/** A script in a folder of its own. Always `cleanUp` it. */
export class ScriptApp {
  readonly directory: string = mkdtempSync(join(import.meta.dirname, '..', 'tmp-'));
  readonly script: string;
  readonly events: AppEvent[] = [];
  /** What the script printed. */
  output = '';
  /** What is no event on standard error. */
  errors = '';
  private launcher: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);
  private readonly listeners = new Set<() => void>();

  constructor(files: Readonly<Record<string, string>>, script = 'server.js') {
    this.script = script;
    writeFileSync(join(this.directory, 'package.json'), '{}');
    for (const [name, text] of Object.entries(files)) this.save(name, text);
  }

  /** Name of the script's versions. */
  get name(): string {
    return this.script.split('.')[0] as string;
  }

  save(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  /** Starts it without waiting for anything. */
  spawn(mode: 'dev' | 'run', options: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): void {
    const launcher = spawn(
      process.execPath,
      [mofoProgram(environment), mode, ...QUICK, ...options, '--json', this.script, '--', 'a', 'b'],
      {
        cwd: this.directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...environment },
      },
    );
    this.launcher = launcher;
    launcher.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.notify();
    });
    createInterface({ input: launcher.stderr }).on('line', (line) => {
      if (line.startsWith('{"at"')) this.events.push(JSON.parse(line) as AppEvent);
      else this.errors += `${line}\n`;
      this.notify();
    });
    this.ended = new Promise((resolve) =>
      launcher.once('close', (code) => {
        if (this.launcher === launcher) this.launcher = undefined;
        resolve(code);
        this.notify();
      }),
    );
  }

  /** Starts it; resolves when it serves. */
  async start(
    mode: 'dev' | 'run',
    options: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const since = this.events.length;
    this.spawn(mode, options, environment);
    await this.waitFor(({ kind }) => kind === 'start', since);
  }

  /** Pid of the process that serves, as the events say. */
  get main(): number {
    return this.events.findLast(({ kind }) => ['start', 'takeover', 'update'].includes(kind))?.data?.pid as number;
  }

  get pid(): number {
    return this.launcher?.pid ?? 0;
  }

  /** Where it listens: the answers of the last start. */
  get addresses(): readonly { readonly address: string; readonly family: string; readonly port: number }[] {
    return this.events.findLast(({ kind }) => kind === 'start')?.data?.listeners as never;
  }

  get url(): string {
    return `http://127.0.0.1:${this.addresses[0]?.port}`;
  }

  /** The first event after `since` that fits. */
  async waitFor(fits: (event: AppEvent) => boolean, since = 0): Promise<AppEvent> {
    await this.until(() => this.events.slice(since).some(fits), String(fits));
    return this.events.slice(since).find(fits) as AppEvent;
  }

  /** Resolves when `holds`; fails when mofo has ended or the limit is over. */
  until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(timer);
        this.listeners.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (holds()) done();
        else if (this.launcher === undefined) done(this.problem(`${what}: mofo has ended`));
      };
      const timer = setTimeout(() => done(this.problem(`${what}: not within ${LIMIT_MS} ms`)), LIMIT_MS);
      this.listeners.add(look);
      look();
    });
  }

  /** Resolves with the launcher's exit code. */
  async exit(): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.problem('mofo did not end')), LIMIT_MS);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.launcher?.kill(signal);
  }

  /** Runs a `mofo` command in the script's folder. */
  command(...parameters: readonly string[]): Promise<CommandResult> {
    return callMofo(this.directory, [...parameters, '--json']);
  }

  /** What the script answers, on a connection of its own. */
  async text(path = '/', init: RequestInit = {}): Promise<string> {
    const response = await fetch(`${this.url}${path}`, {
      ...init,
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return response.text();
  }

  /** States of the versions, the newest first. */
  async states(): Promise<string[]> {
    const { value } = await this.command('versions');
    return value[0].versions.map(({ state }: { state: string }) => state);
  }

  /** Ends what still runs and removes the folder; says what should not have been there. */
  async cleanUp(): Promise<void> {
    const left: string[] = [];
    this.signal('SIGTERM');
    await this.exit().catch(async (error: unknown) => {
      left.push(String(error));
      this.signal('SIGKILL');
      await this.ended;
    });
    for (const pid of this.processes()) {
      left.push(`process ${pid}`);
      process.kill(pid, 'SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`);
  }

  /** Living processes whose working directory is the script's folder. */
  processes(): number[] {
    const isHere = (pid: number): boolean => {
      try {
        return isAlive(pid) && readlinkSync(`/proc/${pid}/cwd`) === this.directory;
      } catch {
        // Somebody else's, or it has ended.
        return false;
      }
    };
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter(isHere);
  }

  private problem(what: string): Error {
    const last = this.events.slice(-15).map((event) => JSON.stringify(event));
    return new Error(
      `${what}\nlast events:\n${last.join('\n')}\nprinted:\n${this.output.slice(-2000)}${this.errors.slice(-2000)}`,
    );
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
