// What a module can do to the process that runs it, as code of its own. Nothing of the runtime helps: each is what a mistake of a module's author would do.

/** Names of the faults, as in the matrix. */
export type Fault =
  | 'throw'
  | 'unhandled rejection'
  | 'SIGSEGV'
  | 'abort'
  | 'SIGKILL'
  | 'exit(0)'
  | 'exit(1)'
  | 'infinite loop'
  | 'blocked by JSON'
  | 'heap exhausted'
  | 'SIGSTOP'
  | 'stack overflow';

/** One fault. */
export interface FaultKind {
  readonly fault: Fault;
  /** Statements that do it; they stand in a module's top level, in hooks, tasks and handlers alike. */
  readonly code: string;
  /** It throws where it stands; otherwise the process does not survive it. */
  readonly throws: boolean;
  /** How the reason of the verdict begins. */
  readonly reason: RegExp;
  /** The signal with which somebody outside does the same to a process. */
  readonly signal?: NodeJS.Signals;
  /** It takes long to come about, and is no hang until then. */
  readonly hangAfter?: string;
}

/** Nothing after a signal to itself is to run, should the system deliver it late. */
const andNothingElse = 'for (;;);';

/** All faults. */
export const faultKinds: readonly FaultKind[] = [
  { fault: 'throw', code: "throw new Error('struck');", throws: true, reason: /struck/ },
  {
    fault: 'unhandled rejection',
    code: "void Promise.reject(new Error('struck'));",
    throws: false,
    reason: /^uncaught exception in a promise.*struck/,
  },
  {
    fault: 'SIGSEGV',
    code: `process.kill(process.pid, 'SIGSEGV'); ${andNothingElse}`,
    throws: false,
    reason: /^SIGSEGV in /,
    signal: 'SIGSEGV',
  },
  { fault: 'abort', code: 'process.abort();', throws: false, reason: /^SIGABRT in /, signal: 'SIGABRT' },
  {
    fault: 'SIGKILL',
    code: `process.kill(process.pid, 'SIGKILL'); ${andNothingElse}`,
    throws: false,
    reason: /^SIGKILL in /,
    signal: 'SIGKILL',
  },
  { fault: 'exit(0)', code: 'process.exit(0);', throws: false, reason: /^exit code 0 in / },
  { fault: 'exit(1)', code: 'process.exit(1);', throws: false, reason: /^exit code 1 in / },
  { fault: 'infinite loop', code: 'for (;;);', throws: false, reason: /^hang in / },
  {
    fault: 'blocked by JSON',
    // It would end by itself, long after its deadline.
    code: `const rows = Array.from({ length: 5000 }, (_, n) => ({ n, text: 'x'.repeat(20) }));
      for (const until = Date.now() + 20_000; Date.now() < until; ) JSON.parse(JSON.stringify(rows));`,
    throws: false,
    reason: /^hang in /,
  },
  {
    fault: 'heap exhausted',
    code: "const hoard: unknown[] = []; for (;;) hoard.push(new Array(100_000).fill('x'));",
    throws: false,
    reason: /^heap exhausted in /,
    hangAfter: '12s',
  },
  {
    fault: 'SIGSTOP',
    code: "process.kill(process.pid, 'SIGSTOP');",
    throws: false,
    reason: /^hang in /,
    signal: 'SIGSTOP',
  },
  {
    fault: 'stack overflow',
    code: 'const deeper = (n: number): number => deeper(n + 1) + 1; deeper(0);',
    throws: true,
    reason: /Maximum call stack/,
  },
];

/** The fault of this name. */
export function faultKind(fault: Fault): FaultKind {
  const found = faultKinds.find((kind) => kind.fault === fault);
  if (found === undefined) throw new Error(`There is no fault ${fault}.`);
  return found;
}
