// Child programs: processes of their own that import the built package, because locks, kills and races need real ones.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/** A child that reports by lines of JSON. */
export interface Program {
  readonly child: ChildProcess;
  /** The next line, parsed; rejects when the child ends without one. */
  next(): Promise<Record<string, unknown>>;
  /** Resolves with exit code or signal. */
  readonly ended: Promise<string>;
  /** Kills it and waits. */
  kill(): Promise<void>;
}

/** Starts test/programs/`file` of the package, or of a copy of it in `folder`; `command` goes before node (`unshare -m`). */
export function startProgram(
  file: string,
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    command?: readonly string[];
    nodeArgs?: readonly string[];
    folder?: string;
  } = {},
): Program {
  const path = join(options.folder ?? packageFolder, 'test/programs', file);
  const [command = process.execPath, ...rest] = [
    ...(options.command ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    path,
    ...args,
  ];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  return {
    child,
    ended,
    async next() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${file} ended (${await ended}) without a report: ${errors}`);
      return JSON.parse(value) as Record<string, unknown>;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
