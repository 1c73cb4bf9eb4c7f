// Who holds a claim, and is he dead?
//
// All that happens under a claim is synchronous, so the holder is one *thread*, and the thread is what is judged: a
// terminated worker is dead although its process lives, and a main thread that has become a zombie has left its last system call
// although other threads of the process still run. The identity names host, boot, pid namespace, process, thread and the
// thread's start time, so that neither a reused pid nor a reboot is mistaken for the holder.
//
// The judgement never says "dead" of a thread that may live (rule R7). What cannot be judged from here (another host, another
// pid namespace) is `unknown` and is waited for like a living one, up to the time limit.
//
// Outside Linux there is no /proc: then the identity is the process alone, and a worker terminated in the middle of a change
// is noticed only when its process ends.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { systemCode } from './versions-error.ts';

/** What is known of the thread that an identity names. */
export type Liveness = 'alive' | 'dead' | 'self' | 'unknown';

interface Identity {
  readonly host: string;
  readonly boot: string;
  readonly pidNamespace: string;
  readonly pid: number;
  readonly tid: number;
  /** Clock ticks since boot; 0 where it cannot be known. */
  readonly startTicks: number;
}

let own: Identity | undefined;

/** The identity of the calling thread: one word without `/`, fit for a symbolic link or a file name. */
export function ownIdentity(): string {
  own ??= readOwnIdentity();
  const { host, boot, pidNamespace, pid, tid, startTicks } = own;
  return [host, boot, pidNamespace, pid, tid, startTicks].join(',');
}

/** Judges the thread that `identity` names. */
export function livenessOf(identity: string): Liveness {
  own ??= readOwnIdentity();
  const other = parse(identity);
  if (other === undefined || other.host !== own.host) return 'unknown';
  if (other.boot !== own.boot) return 'dead';
  if (other.pidNamespace !== own.pidNamespace) return 'unknown';
  if (other.pid === own.pid && other.tid === own.tid && other.startTicks === own.startTicks) return 'self';
  if (own.startTicks === 0 || other.startTicks === 0) return processExists(other.pid) ? 'alive' : 'dead';
  const thread = readThread(other.pid, other.tid);
  // /proc may hide other users' processes (hidepid): absence there counts only if the process is ours or gone.
  if (thread === undefined) return processIsForeign(other.pid) ? 'unknown' : 'dead';
  if (thread.startTicks !== other.startTicks) return 'dead';
  return thread.state === 'Z' || thread.state === 'X' ? 'dead' : 'alive';
}

/** The process id in an identity, for messages. */
export function describeIdentity(identity: string): string {
  const parsed = parse(identity);
  return parsed === undefined ? `"${identity}"` : `pid ${parsed.pid} (thread ${parsed.tid}) on host ${parsed.host}`;
}

function parse(identity: string): Identity | undefined {
  const parts = identity.split(',');
  const [host, boot, pidNamespace] = parts;
  const [pid, tid, startTicks] = parts.slice(3).map(Number);
  if (parts.length !== 6 || host === undefined || boot === undefined || pidNamespace === undefined) return undefined;
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(tid) || !Number.isSafeInteger(startTicks)) return undefined;
  if (pid! <= 0) return undefined;
  return { host, boot, pidNamespace, pid: pid!, tid: tid!, startTicks: startTicks! };
}

function readOwnIdentity(): Identity {
  const host = encodeURIComponent(hostname()).replaceAll(',', '%2C').slice(0, 64);
  const thread = /^(\d+)\/task\/(\d+)$/.exec(tryRead(() => readlinkSync('/proc/thread-self')) ?? '');
  const boot = tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))?.trim();
  const pidNamespace = tryRead(() => readlinkSync('/proc/self/ns/pid'));
  const tid = Number(thread?.[2]);
  const stat = Number(thread?.[1]) === process.pid ? readThread(process.pid, tid) : undefined;
  if (boot === undefined || pidNamespace === undefined || stat === undefined) {
    return { host, boot: '-', pidNamespace: '-', pid: process.pid, tid: threadId, startTicks: 0 };
  }
  return {
    host,
    boot,
    pidNamespace: pidNamespace.replace(/\D/g, ''),
    pid: process.pid,
    tid,
    startTicks: stat.startTicks,
  };
}

/** State letter and start time of a thread, or undefined if there is none. */
function readThread(pid: number, tid: number): { state: string; startTicks: number } | undefined {
  const text = tryRead(() => readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold blanks and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}

/** The result of `read`, or undefined if the file is not there (ENOENT), its thread is gone (ESRCH), or it is no link. */
function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'ENOTDIR' || code === 'EINVAL')
      return undefined;
    throw error;
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

function processIsForeign(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}
