// One child process of the launcher, main or clone: starting it, talking to it, and how it ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ConnectionHub } from '@mofo/shm-store';
import type { FromChild, ToChild, VersionName } from './messages.ts';

/** The file descriptor under which children find the listening socket. */
export const LISTEN_FD = 4;

/** Where children find their channel for connections, and the table of these. */
export const CHANNEL_FD = 5;
export const TABLE_FD = 6;

/** Last bytes of stderr kept to find out what a child died of. */
const STDERR_TAIL_BYTES = 8192;

/** How a child ended. */
export interface ChildEnd {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderrTail: string;
}

/** How a child is started. */
export interface ChildOptions {
  readonly appDirectory: string;
  readonly listenFd: number;
  /** Hands connections out; absent: children accept by themselves. */
  readonly hub?: ConnectionHub | undefined;
  /** Null: Node's own limit. */
  readonly heapLimitBytes: number | null;
  readonly onMessage: (child: Child, message: FromChild) => void;
  /** Its process has ended; what it printed may still come. */
  readonly onExit: (child: Child, exitCode: number | null, signal: NodeJS.Signals | null) => void;
  readonly onEnd: (child: Child, end: ChildEnd) => void;
  /** Gets what the child prints. */
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** A running child. */
export class Child {
  readonly pid: number;
  /** Tells it from all other processes that ever ran: who spends tries. */
  readonly holder: string = randomUUID();
  readonly startedAt: number = performance.now();
  /** What it last said it was. */
  role: 'starting' | 'main' | 'clone' = 'starting';
  /** The versions that run in it, as far as it is main. */
  running: readonly VersionName[] = [];
  /** Versions of which it was said that they are passed over while it is main. */
  readonly passedOver: Set<string> = new Set();
  /** Pings since it last answered one. */
  unansweredPings = 0;
  /** It was killed because it did not answer. */
  isHung = false;
  /** The kernel may have killed it for want of memory. */
  isOutOfMemory = false;
  /** Resolves when it has ended and everything it said has been heard. */
  readonly ended: Promise<void>;
  private readonly process: ChildProcess;
  private stderrTail = '';

  constructor(options: ChildOptions) {
    const program = fileURLToPath(new URL('./process.js', import.meta.url));
    const heapLimit =
      options.heapLimitBytes === null ? [] : [`--max-old-space-size=${Math.floor(options.heapLimitBytes / 2 ** 20)}`];
    const { hub } = options;
    const channelFd = hub?.addProcess();
    this.process = spawn(process.execPath, [...heapLimit, '--enable-source-maps', program], {
      cwd: options.appDirectory,
      stdio: [
        ...(['ignore', 'pipe', 'pipe', 'ipc', options.listenFd] as const),
        ...(hub === undefined || channelFd === undefined ? [] : [channelFd, hub.tableFd]),
      ],
      // Its own group, so that Ctrl-C at the terminal reaches the launcher alone and the launcher stops the children in order.
      detached: true,
    });
    // The child has its own now.
    if (channelFd !== undefined) closeSync(channelFd);
    this.pid = this.process.pid ?? 0;
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => options.onOutput('stdout', text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderrTail = (this.stderrTail + text).slice(-STDERR_TAIL_BYTES);
      options.onOutput('stderr', text);
    });
    this.process.on('message', (message) => options.onMessage(this, message as FromChild));
    this.process.on('exit', (exitCode, signal) => options.onExit(this, exitCode, signal));
    // After 'close' everything it printed has been read.
    this.process.on('close', (exitCode, signal) =>
      options.onEnd(this, { pid: this.pid, exitCode, signal, stderrTail: this.stderrTail }),
    );
    this.ended = new Promise((resolve) => this.process.once('close', () => resolve()));
    this.process.on('error', (error) => {
      this.stderrTail += String(error);
    });
  }

  /** True until its end has been reported. */
  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Sends a message; one to a child that is just ending is lost, which its end tells. */
  send(message: ToChild): void {
    if (this.process.connected) this.process.send(message, () => {});
  }

  /** Asks it whether its event loop runs. */
  ping(): void {
    this.unansweredPings++;
    this.send({ type: 'ping' });
  }

  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }
}

/** What a child died of, in a few words, from wait status and the end of its stderr. */
export function causeOfEnd(end: ChildEnd): string {
  if (/FATAL ERROR: .*(heap|memory)/i.test(end.stderrTail)) return 'heap exhausted';
  if (end.signal !== null) return end.signal;
  if (/Uncaught|Error: /.test(end.stderrTail) && end.exitCode === 1) return 'uncaught exception';
  return `exit code ${end.exitCode}`;
}
