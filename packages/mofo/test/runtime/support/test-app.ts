// An application under test, seen from outside only: a folder of its own with modules and a config, run by the real `mofo` command, whose events
// are read as JSON lines. Nothing here sleeps: whoever waits, waits for an event, a process's end or an answer, with a limit that fails loudly.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../../dist/cli/program.js';

const mofo = fileURLToPath(new URL('../../../bundle/main.js', import.meta.url));
/** The same file by file. */
const mofoInFiles = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** The program to start: with a preload, the one of which that can replace single methods. */
export function mofoProgram(environment: NodeJS.ProcessEnv): string {
  return environment.NODE_OPTIONS === undefined ? mofo : mofoInFiles;
}

/** Longest wait for one thing; long, for the machine may be busy, and never used up when all is well. */
const LIMIT_MS = 15_000;

/** An event of the launcher, as `--json` prints it. */
export interface AppEvent {
  readonly at: number;
  readonly kind: string;
  readonly module?: string;
  readonly version?: string;
  readonly message?: string;
  readonly url?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** How a command ended. */
export interface CommandResult {
  readonly code: number | null;
  /** The last line of standard output as JSON; undefined if there was none. */
  // biome-ignore lint/suspicious/noExplicitAny: what a command prints is looked at by the test that knows it.
  readonly value: any;
  /** The code of the error on standard error; undefined if there was none. */
  readonly errorCode: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an application is made of. */
export interface TestAppOptions {
  /** Source text by module name. */
  readonly modules: Readonly<Record<string, string>>;
  /** Over the defaults of the tests. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A module that every process loads first: what a test breaks on purpose. */
  readonly preload?: string;
}

let created = 0;

/** An application in a temporary folder. Always `cleanUp` it. */
export class TestApp {
  readonly directory: string;
  readonly storeName: string;
  /** Every event since the first start. */
  readonly events: AppEvent[] = [];
  /** What the last launcher wrote to standard error. */
  stderr = '';
  url = '';
  private launcher: ChildProcess | undefined;
  private ended: Promise<number | null> = Promise.resolve(null);
  private readonly listeners = new Set<() => void>();
  /** What is added to the environment of the next start. */
  readonly environment: NodeJS.ProcessEnv;

  constructor(options: TestAppOptions) {
    this.storeName = `test-${process.pid}-${++created}`;
    this.directory = mkdtempSync(join(tmpdir(), 'mofo-runtime-'));
    mkdirSync(join(this.directory, 'modules'));
    this.configure(options.config ?? {});
    for (const [name, source] of Object.entries(options.modules)) this.save(name, source);
    const preload = join(this.directory, 'preload.mjs');
    if (options.preload !== undefined) writeFileSync(preload, options.preload);
    this.environment = options.preload === undefined ? {} : { NODE_OPTIONS: `--import ${preload}` };
  }

  /** Writes the config: small limits, so that nothing takes long. With `code`, as a program that runs it first. */
  configure(config: Readonly<Record<string, unknown>>, code?: string): void {
    const whole = JSON.stringify({
      name: 'test',
      http: { port: 0 },
      store: { name: this.storeName, sizeBytes: '8MiB' },
      snapshot: { every: false, keep: 3 },
      probation: { tasks: 5, minimum: '200ms', deadline: '1m' },
      hangAfter: '300ms',
      heapLimitBytes: '64MiB',
      ...config,
    });
    rmSync(join(this.directory, 'mofo.config.json'), { force: true });
    if (code === undefined) writeFileSync(join(this.directory, 'mofo.config.json'), whole);
    else writeFileSync(join(this.directory, 'mofo.config.ts'), `${code}\nexport default ${whole};\n`);
  }

  /** Writes a module's source, as an editor would. */
  save(module: string, source: string): void {
    writeFileSync(join(this.directory, 'modules', `${module}.ts`), source);
  }

  /** Starts it without waiting for anything. */
  spawn(mode: 'dev' | 'run' = 'dev', ...parameters: readonly string[]): void {
    const launcher = spawn(process.execPath, [mofoProgram(this.environment), mode, '--json', ...parameters], {
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.environment },
    });
    this.launcher = launcher;
    this.stderr = '';
    launcher.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    createInterface({ input: launcher.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      this.events.push(JSON.parse(line) as AppEvent);
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
  async start(mode: 'dev' | 'run' = 'dev', ...parameters: readonly string[]): Promise<void> {
    const since = this.mark();
    this.spawn(mode, ...parameters);
    this.url = (await this.waitFor({ kind: 'banner' }, since)).url ?? '';
  }

  /** Where the events of now on begin. */
  mark(): number {
    return this.events.length;
  }

  /** The first event after `since` that has these properties; a function looks more closely. */
  async waitFor(
    wanted: Partial<AppEvent> | ((event: AppEvent) => boolean),
    since = 0,
    limitMs = LIMIT_MS,
  ): Promise<AppEvent> {
    const fits =
      typeof wanted === 'function'
        ? wanted
        : (event: AppEvent): boolean =>
            Object.entries(wanted).every(([key, value]) => event[key as keyof AppEvent] === value);
    const find = (): AppEvent | undefined => this.events.slice(since).find(fits);
    const what = typeof wanted === 'function' ? String(wanted) : JSON.stringify(wanted);
    await this.until(() => find() !== undefined, what, limitMs);
    return find() as AppEvent;
  }

  /** Resolves when `holds`, looked at with each event; fails when the application has ended or the limit is over. */
  until(holds: () => boolean, what: string, limitMs = LIMIT_MS): Promise<void> {
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
        else if (this.launcher === undefined) done(this.problem(`${what}: the application has ended`));
      };
      const timer = setTimeout(() => done(this.problem(`${what}: not within ${limitMs} ms`)), limitMs);
      this.listeners.add(look);
      look();
    });
  }

  /** Pids of a main and a clone that are both ready. */
  async bothReady(): Promise<{ main: number; clone: number }> {
    await this.until(() => this.pids() !== undefined, 'main and clone');
    return this.pids() as { main: number; clone: number };
  }

  /** Pid of the launcher; 0 when it does not run. */
  get launcherPid(): number {
    return this.launcher?.pid ?? 0;
  }

  /** Resolves with the launcher's exit code (null: killed). */
  async exit(limitMs = LIMIT_MS): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.problem(`the launcher did not end within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Stops it in order and returns the exit code. */
  stop(): Promise<number | null> {
    this.launcher?.kill('SIGTERM');
    return this.exit();
  }

  /** Sends the launcher a signal. */
  signal(signal: NodeJS.Signals): void {
    this.launcher?.kill(signal);
  }

  /** Runs a `mofo` command in the application's folder: in this process, if it neither serves nor writes into the working directory. */
  command(...parameters: readonly string[]): Promise<CommandResult> {
    const isOwnProcess = parameters[0] === 'run' || parameters[0] === 'dev' || parameters[0] === 'export';
    return (isOwnProcess ? runMofo : callMofo)(this.directory, [...parameters, '--json']);
  }

  /** What the application answers as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: what a route answers is looked at by the test that knows it.
  async get(path: string, method = 'GET'): Promise<any> {
    const response = await fetch(`${this.url}${path}`, { method, signal: AbortSignal.timeout(LIMIT_MS) });
    return { status: response.status, ...((await response.json()) as object) };
  }

  /** Resolves when main says that a request is under way, or was. */
  async inFlight(): Promise<void> {
    for (;;) {
      const { http } = (await this.command('status')).value.main;
      if (http.inFlight + http.served > 0) return;
    }
  }

  /** State and reason of a version, read from disk. */
  async version(module: string, id: string): Promise<{ state: string; reason: string }> {
    const { value } = await this.command('versions', module);
    return value[0].versions.find((version: { id: string }) => version.id === id);
  }

  /** Ends whatever still runs and removes folder and store; says what should not have been there. Safe after failures. */
  async cleanUp(): Promise<void> {
    const left: string[] = [];
    if (this.launcher !== undefined) {
      this.signal('SIGTERM');
      await this.exit().catch(async (error: unknown) => {
        left.push(String(error));
        this.signal('SIGKILL');
        await this.exit();
      });
    }
    for (const pid of this.livingProcesses()) {
      left.push(`process ${pid} (${commandLine(pid)})`);
      process.kill(pid, 'SIGKILL');
    }
    const destroyed = await this.command('destroy', '--force', '--yes');
    if (destroyed.code !== 0) left.push(`destroy: ${destroyed.stderr}`);
    const segments = this.segments();
    for (const segment of segments) rmSync(join('/dev/shm', segment), { force: true });
    left.push(...segments);
    rmSync(this.directory, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`);
  }

  /** Resolves when these processes are gone; fails after the limit. */
  async gone(...pids: readonly number[]): Promise<void> {
    const limit = Date.now() + LIMIT_MS;
    while (pids.some(isAlive)) {
      if (Date.now() > limit) throw this.problem(`processes ${pids.filter(isAlive).join(', ')} did not end`);
      // Nothing tells of the end of another process's child but looking.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Processes that have this application's folder as their working directory. */
  livingProcesses(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => workingDirectory(pid) === this.directory);
  }

  /** Files in shared memory that belong to this application. */
  segments(): string[] {
    return readdirSync('/dev/shm').filter((file) => file.includes(this.storeName));
  }

  private pids(): { main: number; clone: number } | undefined {
    const ended = (pid: unknown): boolean =>
      this.events.some((event) => event.kind === 'crash' && event.data?.pid === pid);
    const ready = this.events.filter((event) => event.data?.ready === true && !ended(event.data.pid));
    const started = ready.filter((event) => isChildOf(Number(event.data?.pid), this.launcherPid));
    const main = started.findLast((event) => event.data?.role === 'main')?.data?.pid as number | undefined;
    const clone = started.findLast((event) => event.data?.role === 'clone')?.data?.pid as number | undefined;
    return main === undefined || clone === undefined || main === clone ? undefined : { main, clone };
  }

  /** The last events and what was printed, for whoever has to say what went wrong. */
  lastWords(): string {
    const last = this.events.slice(-15).map((event) => JSON.stringify(event));
    return `last events:\n${last.join('\n')}\nstandard error:\n${this.stderr.slice(-3000)}`;
  }

  private problem(what: string): Error {
    return new Error(`${what}\n${this.lastWords()}`);
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** Calls the program of the `mofo` command in this process, which spares the start of one. */
export async function callMofo(directory: string, parameters: readonly string[]): Promise<CommandResult> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(parameters, {
    directory,
    output: { write: (text) => (stdout += text) },
    errors: { write: (text) => (stderr += text) },
    variables: {},
  });
  return resultOf(code, stdout, stderr);
}

function resultOf(code: number | null, stdout: string, stderr: string): CommandResult {
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const complaint = stderr.trim().split('\n').at(-1) ?? '';
  return {
    code,
    value: /^[[{]/.test(line) ? JSON.parse(line) : undefined,
    errorCode: complaint.startsWith('{"error"') ? JSON.parse(complaint).error.code : undefined,
    stdout,
    stderr,
  };
}

/** Runs the `mofo` command, perhaps as another user. */
export function runMofo(
  directory: string,
  parameters: readonly string[],
  user: { readonly uid?: number; readonly gid?: number } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [mofo, ...parameters],
      { cwd: directory, timeout: LIMIT_MS, maxBuffer: 2 ** 24, ...user },
      (_error, stdout, stderr) => {
        resolve(resultOf(child.exitCode, stdout, stderr));
      },
    );
  });
}

/** True while the process is there and no zombie. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It ended between the two looks.
    return false;
  }
}

/** True while `pid` is a child of `parent`. */
export function isChildOf(pid: number, parent: number): boolean {
  try {
    const [, found] = /\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return parent !== 0 && Number(found) === parent;
  } catch {
    // It has ended.
    return false;
  }
}

function workingDirectory(pid: number): string | undefined {
  try {
    return isAlive(pid) ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
  } catch {
    // Another user's, or it has ended.
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return 'ended';
  }
}
