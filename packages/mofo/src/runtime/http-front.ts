// HTTP in front of an application: the shared listening socket, routes of whatever versions run, handlers through the application.

import { type HttpServer, serveHttp } from '../http/index.ts';
import type { Application } from './application.ts';
import { ownStack } from './describe-error.ts';

/** How requests are taken. */
export interface FrontOptions {
  /** Descriptor of a socket that listens already, held by the launcher too. */
  readonly fd: number;
  readonly maxBodyBytes: number;
  readonly hangAfterMs: number;
}

/** Begins to accept. Resolves when it does. */
export function listen(application: Application, options: FrontOptions): Promise<HttpServer> {
  const { hangAfterMs, maxBodyBytes } = options;
  return serveHttp({
    listen: { fd: options.fd },
    maxBodyBytes,
    routes: () => application.table.routes,
    invoke: (route, request, params) =>
      application.invoke(route.module, route.key, [request, params], hangAfterMs) as Promise<Response>,
    invokeNode: (route, request, response, params) =>
      application.invoke(route.module, route.key, [request, response, params], hangAfterMs),
    onError: (error, { module, key }) => {
      const title = application.table.get(module)?.title ?? module;
      console.error(`${new Date().toISOString()} ${title} ${key}: ${ownStack(error)}`);
    },
  });
}
