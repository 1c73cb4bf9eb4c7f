// The listening sockets of a server script, held by the launcher: bound when a process of the script first listens there, found again by each process after it.
//
//   address and port     one socket, whichever process asks
//   port 0               the first such call of a process, the second, …: each has the port that the same call of the process before it got
//   path                 one socket, as long as its file is the one that was made for it; a script that removes the file first gets a new one

import { closeSync, existsSync, rmSync, statSync } from 'node:fs';
import { boundPort, type ConnectionHub, listenTcp, listenUnix } from '@mofo/shm-store';
import { systemCodeOf } from '../errors.ts';
import type { ListenAnswer, ListenQuestion } from './messages.ts';

/** A socket that listens. */
export interface Listener {
  readonly number: number;
  /** `http://host:port`-like for people: `:::3000`, `/run/app.sock`. */
  readonly name: string;
  readonly answer: Exclude<ListenAnswer, { error: string }>;
}

interface Bound extends Listener {
  readonly key: string;
  readonly fd: number;
  readonly inode: number | undefined;
}

/** What Node says for what listening is refused for. */
const systemCodes: Readonly<Record<string, string>> = {
  PORT_IN_USE: 'EADDRINUSE',
  ADDRESS_UNAVAILABLE: 'EADDRNOTAVAIL',
  PERMISSION: 'EACCES',
  INVALID_ARGUMENT: 'EINVAL',
};

/** Holds the sockets. */
export class Listeners {
  private readonly hub: ConnectionHub;
  private readonly bound = new Map<string, Bound>();

  constructor(hub: ConnectionHub) {
    this.hub = hub;
  }

  get all(): readonly Listener[] {
    return [...this.bound.values()];
  }

  /**
   * Listens for a process.
   *
   * @param used numbers of the sockets that it listens on already: nobody listens twice at one place.
   */
  listen(question: ListenQuestion, used: ReadonlySet<number>): ListenAnswer {
    for (let call = 0; ; call++) {
      const key = keyOf(question, call);
      const found = this.bound.get(key);
      if (found !== undefined && used.has(found.number)) {
        if (question.port === 0 && question.path === null) continue;
        return { error: 'EADDRINUSE' };
      }
      if (found !== undefined && isThere(found)) return found.answer;
      if (found !== undefined) this.close(found.number);
      return this.bind(key, question);
    }
  }

  /** Nobody listens there any more: connections are refused from now on. */
  close(number: number): void {
    const found = [...this.bound.values()].find((one) => one.number === number);
    if (found === undefined) return;
    this.bound.delete(found.key);
    this.hub.removeListener(found.number);
    closeSync(found.fd);
    // As Node does; but not what somebody else has put there.
    if (found.answer.family === 'unix' && isThere(found)) rmSync(found.answer.address, { force: true });
  }

  closeAll(): void {
    for (const { number } of this.all) this.close(number);
  }

  private bind(key: string, question: ListenQuestion): ListenAnswer {
    try {
      const { path, address, port, backlog } = question;
      const fd =
        path === null
          ? listenTcp({ ...(address === null ? {} : { host: address }), port, backlog })
          : listenUnix(path, backlog);
      const number = this.hub.addListener(fd);
      const answer = { listener: number, ...addressOf(question, fd) };
      const name = path ?? `${answer.address}:${answer.port}`;
      this.bound.set(key, { key, number, fd, name, answer, inode: path === null ? undefined : inodeOf(path) });
      return answer;
    } catch (error) {
      return { error: systemCodes[systemCodeOf(error) ?? ''] ?? 'EIO' };
    }
  }
}

function keyOf({ path, address, port }: ListenQuestion, call: number): string {
  return path === null ? `${address ?? ''} ${port} ${port === 0 ? call : 0}` : `unix ${path}`;
}

function addressOf({ path, address }: ListenQuestion, fd: number): Omit<Listener['answer'], 'listener'> {
  if (path !== null) return { address: path, family: 'unix', port: -1 };
  const isIPv6 = address === null ? existsSync('/proc/net/if_inet6') : address.includes(':');
  return {
    address: address ?? (isIPv6 ? '::' : '0.0.0.0'),
    family: isIPv6 ? 'IPv6' : 'IPv4',
    port: boundPort(fd),
  };
}

/** A socket with a path is gone when its file is. */
function isThere({ answer, inode }: Bound): boolean {
  return answer.family !== 'unix' || answer.address.startsWith('\0') || inodeOf(answer.address) === inode;
}

function inodeOf(path: string): number | undefined {
  return path.startsWith('\0') ? undefined : statSync(path, { throwIfNoEntry: false })?.ino;
}
