// Where a server's connections come from.

import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { MofoError, systemCodeOf } from '../errors.ts';
import { beginTaking } from './take-connection.ts';

/**
 * Where connections come from: a descriptor that listens already, an address, or `take`, for those that somebody else accepts there.
 */
export type ListenTarget =
  | { readonly fd: number }
  | { readonly port: number; readonly host?: string }
  | { readonly takesFrom: { readonly host: string; readonly port: number } };

type ListeningTarget = Exclude<ListenTarget, { readonly takesFrom: unknown }>;

/**
 * Begins to listen, or to take. Resolves with `http://host:port`, for requests that do not say their host.
 *
 * @throws MofoError ADDRESS_IN_USE, LISTEN_FAILED; nothing is left open.
 */
export async function listen(server: Server, target: ListenTarget): Promise<string> {
  if ('takesFrom' in target) {
    beginTaking(server);
    return originOf(target.takesFrom.host, target.takesFrom.port);
  }
  await bind(server, target);
  const address = server.address() as AddressInfo;
  return originOf(address.address, address.port);
}

function bind(server: Server, target: ListeningTarget): Promise<void> {
  return new Promise((settle, fail) => {
    server.once('error', (error) => fail(listenError(error, target)));
    server.listen('fd' in target ? { fd: target.fd } : { port: target.port, host: target.host ?? '127.0.0.1' }, () => {
      server.removeAllListeners('error');
      settle();
    });
  });
}

function listenError(error: Error, target: ListeningTarget): MofoError {
  const where = 'fd' in target ? `descriptor ${target.fd}` : `${target.host ?? '127.0.0.1'}:${target.port}`;
  if (systemCodeOf(error) === 'EADDRINUSE') {
    const message = `${where} is in use by another program. Nothing was started. Stop it, or choose another http.port.`;
    return new MofoError('ADDRESS_IN_USE', message, { cause: error });
  }
  return new MofoError('LISTEN_FAILED', `could not listen on ${where}: ${error.message}. Nothing was started.`, {
    cause: error,
  });
}

function originOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
