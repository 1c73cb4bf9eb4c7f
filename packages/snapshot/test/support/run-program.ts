// Child programs: processes of their own that import the built package, because kills need real ones. They report by lines of JSON.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly child: ChildProcess;
  /** The next line, parsed; rejects when the child ends without one. */
  next(): Promise<Record<string, unknown>>;
  /** Resolves with exit code or signal. */
  readonly ended: Promise<string>;
  kill(): Promise<void>;
}

/** Starts test/programs/`file`; `command` goes before node (`unshare -m`). */
export function startProgram(
  file: string,
  args: readonly string[],
  command: readonly string[] = [],
  env: Record<string, string> = {},
): Program {
  const path = fileURLToPath(new URL(`../programs/${file}`, import.meta.url));
  const [first, ...rest] = [...command, process.execPath, path, ...args];
  const child = spawn(first as string, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
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
