// HTTP in front of an application: the shared listening socket, routes of whatever versions run, handlers through the application.

import { boundPort } from '@mofo/shm-store';
import type { ConnectionKeeper, RequestCommit } from '../connections/index.ts';
import { type HttpServer, serveHttp } from '../http/index.ts';
import type { Application } from './application.ts';
import { ownStack } from './describe-error.ts';

/** How requests are taken. */
export interface FrontOptions {
  /** Descriptor of a socket that listens already, held by the launcher too. */
  readonly fd: number;
  /** Where connections come from; absent: they are accepted from `fd`. */
  readonly connections?: ConnectionKeeper | undefined;
  /** The address behind `fd`. */
  readonly host: string;
  readonly maxBodyBytes: number;
  readonly hangAfterMs: number;
}

/** Begins to accept. Resolves when it does. */
export async function listen(application: Application, options: FrontOptions): Promise<HttpServer> {
  const { hangAfterMs, maxBodyBytes, connections, fd, host } = options;
  const http = await serveHttp({
    listen: connections === undefined ? { fd } : { takesFrom: { host, port: boundPort(fd) } },
    maxBodyBytes,
    routes: () => application.table.routes,
    invoke: (route, request, params, commit) =>
      application.invoke(
        route.module,
        route.key,
        [request, params],
        hangAfterMs,
        commit as RequestCommit | undefined,
      ) as Promise<Response>,
    invokeNode: (route, request, response, params) =>
      application.invoke(route.module, route.key, [request, response, params], hangAfterMs),
    ...(connections === undefined
      ? {}
      : {
          onRequest: (route, incoming, outgoing) =>
            connections.begin(() => application.routeName(route.module, route.key), incoming, outgoing),
        }),
    onError: (error, { module, key }) => {
      const title = application.table.get(module)?.title ?? module;
      console.error(`${new Date().toISOString()} ${title} ${key}: ${ownStack(error)}`);
    },
  });
  connections?.serve(http);
  return http;
}
