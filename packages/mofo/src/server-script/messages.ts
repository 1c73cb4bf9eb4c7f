// What the launcher of a server script and the script's processes say to each other: one JSON object a line, over a socket pair of their own, so that the script's
// own `process.send` stays what it is. A second pair carries the one question that must be answered at once: to listen.

import type { ConnectionCounters } from '@mofo/shm-store';

/** Descriptors in a process of the script. */
export const CONTROL_FD = 3;
export const LISTEN_FD = 4;
export const CHANNEL_FD = 5;
export const TABLE_FD = 6;

/** Names the launcher's pid to its processes; taken out of the environment before the script sees it. */
export const LAUNCHER_VARIABLE = 'MOFO_SCRIPT_LAUNCHER';

/** Sources by absolute path. */
export type Sources = Readonly<Record<string, string>>;

/** Launcher to process. */
export type ToScript =
  /** Runs the script, from these sources where they are named. */
  | { readonly type: 'load'; readonly sources: Sources; readonly offersSend: boolean }
  /** Takes connections from now on, but for those that another process still answers. */
  | { readonly type: 'serve'; readonly except: readonly number[] }
  /** Takes these too; absent: all. */
  | { readonly type: 'adopt'; readonly numbers?: readonly number[] }
  /** Nobody listens there any more. */
  | { readonly type: 'closed'; readonly listener: number }
  /** Takes no more connections, and hands over what it has as soon as nothing is under way on it. */
  | { readonly type: 'drain' }
  /** Ends, as by this signal: by the script's own handlers if there are any, otherwise when what is under way is answered. */
  | { readonly type: 'stop'; readonly signal: 'SIGTERM' | 'SIGINT' }
  | { readonly type: 'ping' };

/** Process to launcher. */
export type FromScript =
  | { readonly type: 'warm' }
  | { readonly type: 'listening'; readonly listener: number }
  /** The script called `process.send('ready')`. */
  | { readonly type: 'ready' }
  /** The script loaded files that are not among its sources. */
  | { readonly type: 'loaded'; readonly files: readonly string[] }
  /** Takes no more; `serving` are those on which something is under way. */
  | { readonly type: 'draining'; readonly serving: readonly number[] }
  | { readonly type: 'handed-over'; readonly numbers: readonly number[] }
  | { readonly type: 'drained' }
  | { readonly type: 'unlisten'; readonly listener: number }
  | {
      readonly type: 'pong';
      /** Requests answered since its start, and how many of these with a status of 500 or more. */
      readonly served: number;
      readonly failed: number;
      readonly connections: number;
      readonly takeovers: ConnectionCounters;
    };

/** Where a script wants to listen: a path, or an address (null: every address) and a port. */
export interface ListenQuestion {
  readonly path: string | null;
  readonly address: string | null;
  readonly port: number;
  readonly backlog: number;
}

/** Where it listens now, or the system's code of what stands against it. */
export type ListenAnswer =
  | {
      readonly listener: number;
      readonly address: string;
      readonly family: 'IPv4' | 'IPv6' | 'unix';
      readonly port: number;
    }
  | { readonly error: string };

/** Longest line in bytes: sources are at most as long as what a registry keeps. */
const LINE_MAX_BYTES = 128 * 2 ** 20;

/** Takes lines apart as they come. What is no JSON ends the process that hears it: only the other side of our own program writes there. */
export function readLines<Message>(onMessage: (message: Message) => void): (part: Buffer) => void {
  let parts: Buffer[] = [];
  let size = 0;
  return (part) => {
    let rest = part;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]).toString('utf8');
      parts = [];
      size = 0;
      rest = rest.subarray(end + 1);
      onMessage(JSON.parse(line) as Message);
    }
    size += rest.length;
    if (size > LINE_MAX_BYTES) throw new Error(`A message is longer than ${LINE_MAX_BYTES} bytes.`);
    if (rest.length > 0) parts.push(rest);
  };
}
