// The application under test as the demo sees it from outside: a copy of the bank in a folder of its own, run by the `mofo` command, with its
// events read as JSON lines.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bankDirectory = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const mofo = join(dirname(require.resolve('mofo/package.json')), 'bundle/main.js');

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

/** The bank, run by mofo. */
export class App {
  readonly directory: string;
  readonly storeName: string = `bank-demo-${process.pid}`;
  /** Every event since the beginning. */
  readonly events: AppEvent[] = [];
  url = '';
  private launcher: ChildProcess | undefined;
  private readonly listeners = new Set<(event: AppEvent) => void>();
  private readonly onEvent: (event: AppEvent) => void;
  private lastOutput = '';
  /** Index of the first event of the launcher that runs now. */
  private firstEvent = 0;

  constructor(onEvent: (event: AppEvent) => void) {
    this.onEvent = onEvent;
    this.directory = mkdtempSync(join(tmpdir(), 'mofo-bank-'));
    cpSync(join(bankDirectory, 'modules'), join(this.directory, 'modules'), { recursive: true });
    cpSync(
      join(bankDirectory, 'native/build/Release/null_dereference.node'),
      join(this.directory, 'native/build/Release/null_dereference.node'),
    );
    const config = {
      name: 'bank',
      modules: './modules/*.ts',
      http: { port: 0 },
      store: { name: this.storeName, sizeBytes: '64MiB' },
      snapshot: { every: false, keep: 5 },
      probation: { tasks: 20, minimum: '1s', deadline: '1m' },
      hangAfter: '2s',
      heapLimitBytes: '96MiB',
    };
    writeFileSync(join(this.directory, 'mofo.config.json'), JSON.stringify(config, null, 2));
  }

  /** Starts `mofo dev`; resolves when it serves. */
  async start(): Promise<void> {
    const launcher = spawn(process.execPath, [mofo, 'dev', '--json'], {
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.launcher = launcher;
    this.firstEvent = this.events.length;
    const collect = (text: string): void => {
      this.lastOutput = (this.lastOutput + text).slice(-4000);
    };
    launcher.stderr.setEncoding('utf8').on('data', collect);
    createInterface({ input: launcher.stdout }).on('line', (line) => {
      collect(`${line}\n`);
      if (line.startsWith('{')) this.take(JSON.parse(line) as AppEvent);
    });
    const banner = await this.waitFor((event) => event.kind === 'banner', 'the banner', 20_000);
    this.url = banner.url ?? '';
  }

  /** The next event that fits, among those after `since` (an index into `events`; default: from now on). */
  waitFor(
    fits: (event: AppEvent) => boolean,
    what: string,
    limitMs: number,
    since: number = this.events.length,
  ): Promise<AppEvent> {
    const past = this.events.slice(since).find(fits);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
        this.launcher?.off('close', closed);
      };
      const listener = (event: AppEvent): void => {
        if (!fits(event)) return;
        done();
        resolve(event);
      };
      const fail = (why: string): void => {
        done();
        reject(new Error(`${what}: ${why}. Last output of the application:\n${this.lastOutput}`));
      };
      const closed = (): void => fail('the application ended');
      const timer = setTimeout(() => fail(`did not come within ${limitMs} ms`), limitMs);
      this.listeners.add(listener);
      this.launcher?.on('close', closed);
    });
  }

  /** Writes a module's source, as an editor would. */
  save(module: string, sourceFile: string): void {
    cpSync(join(bankDirectory, sourceFile), join(this.directory, 'modules', `${module}.ts`));
  }

  /** Runs a `mofo` command in the application's folder and returns what it prints as JSON. */
  command(...parameters: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [mofo, ...parameters, '--json'],
        { cwd: this.directory, timeout: 30_000, maxBuffer: 2 ** 24 },
        (error, stdout, stderr) => {
          if (error !== null) reject(new Error(`mofo ${parameters.join(' ')}: ${error.message}\n${stderr}\n${stdout}`));
          else resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null'));
        },
      );
    });
  }

  /** The short id of the version of a module that main runs now; undefined when it runs none. */
  async runningVersion(module: string): Promise<string | undefined> {
    const { main } = (await this.command('status')) as {
      readonly main?: { readonly modules: readonly { readonly module: string; readonly running?: { id: string } }[] };
    };
    return main?.modules.find((one) => one.module === module)?.running?.id;
  }

  /** Pids of main and clone as they are now. */
  pids(): { main: number; clone: number } {
    const role = (name: string): number =>
      Number(
        this.events
          .slice(this.firstEvent)
          .findLast((event) => event.data?.['role'] === name && event.data?.['ready'] === true)?.data?.['pid'] ?? 0,
      );
    return { main: role('main'), clone: role('clone') };
  }

  /** Resolves when a main and a clone that is not the main are both ready. */
  async bothReady(): Promise<{ main: number; clone: number }> {
    const { main, clone } = this.pids();
    if (main !== 0 && clone !== 0 && main !== clone && this.isAlive(main) && this.isAlive(clone))
      return { main, clone };
    await this.waitFor((event) => event.data?.['ready'] === true, 'main and clone', 20_000);
    return this.bothReady();
  }

  /** Kills the launcher and all its children at once, as a power cut would. */
  async killAll(): Promise<void> {
    const { main, clone } = this.pids();
    const closed = new Promise((resolve) => this.launcher?.once('close', resolve));
    for (const pid of [this.launcher?.pid ?? 0, main, clone]) if (pid > 0) process.kill(pid, 'SIGKILL');
    await closed;
    this.launcher = undefined;
  }

  /** Stops it in order and returns the exit code. */
  async stop(): Promise<number | null> {
    const { launcher } = this;
    if (launcher === undefined || launcher.exitCode !== null) return launcher?.exitCode ?? null;
    const closed = new Promise<number | null>((resolve) => launcher.once('close', (code) => resolve(code)));
    launcher.kill('SIGTERM');
    const code = await closed;
    this.launcher = undefined;
    return code;
  }

  /** Ends whatever still runs and removes folder and store. Safe to call twice, also after failures. */
  async cleanUp(): Promise<void> {
    if (this.launcher !== undefined && this.launcher.exitCode === null) await this.stop();
    await this.command('destroy', '--force', '--yes').catch((error: unknown) => {
      process.stderr.write(`The store ${this.storeName} could not be removed: ${String(error)}\n`);
    });
    rmSync(this.directory, { recursive: true, force: true });
  }

  private isAlive(pid: number): boolean {
    const gone = this.events.findLastIndex((event) => event.kind === 'crash' && event.data?.['pid'] === pid);
    const ready = this.events.findLastIndex((event) => event.data?.['ready'] === true && event.data?.['pid'] === pid);
    return gone < ready;
  }

  private take(event: AppEvent): void {
    this.events.push(event);
    this.onEvent(event);
    for (const listener of [...this.listeners]) listener(event);
  }
}
