// Which handler answers which request. A table is built whole from the modules that run and never changed; a swap of a version
// replaces the table by one assignment, so a request sees either the old routes or the new ones.

import { addRoute, createRouter, findRoute } from 'rou3';
import { parseRouteKey } from '../define/route-key.ts';
import { MofoError } from '../errors.ts';

/** One route of one module. */
export interface Route {
  /** The module that answers it. */
  readonly module: string;
  /** `'POST /accounts/:id'`, as the module wrote it. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  /** In web-standard form (Request, Response), or in Node's own (req, res). */
  readonly form: 'web' | 'node';
}

/** A module with its handlers, as `defineModule` made them. */
export interface RoutedModule {
  readonly module: string;
  readonly http: Readonly<Record<string, unknown>>;
}

/** What a request leads to. */
export type RouteMatch =
  | { readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly route: undefined; readonly allowed: readonly string[] };

/** An immutable table of routes. */
export interface RouteTable {
  /** Every route, in the order of the modules. */
  readonly routes: readonly Route[];
  /**
   * Finds what answers a request. HEAD is answered by GET where there is no route for it.
   *
   * @param method In upper case.
   * @param path Begins with `/`, without the query; percent-encoded.
   * @returns The route with its decoded parameters; or, without a route, the methods that the path has (empty: no such path).
   */
  find(method: string, path: string): RouteMatch;
}

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Builds the table of all modules.
 *
 * @throws MofoError ROUTE_CONFLICT if two routes answer the same requests (also when only their parameters' names differ).
 */
export function buildRoutes(modules: readonly RoutedModule[]): RouteTable {
  const router = createRouter<Route>();
  const byShape = new Map<string, Route>();
  for (const { module, http } of modules) {
    for (const [key, handler] of Object.entries(http)) {
      const { method, path, problem } = parseRouteKey(key);
      if (problem !== undefined)
        throw new MofoError('ROUTE_CONFLICT', `"${key}" of module ${module} ${problem}.`, { data: { module, key } });
      const route: Route = { module, key, method, path, form: typeof handler === 'function' ? 'web' : 'node' };
      const shape = `${method} ${path
        .replace(/(\*\*):\w+$/, '$1')
        .replace(/\/:\w+/g, '/:')
        .replace(/(.)\/$/, '$1')}`;
      refuseConflict(route, byShape.get(shape));
      byShape.set(shape, route);
      addRoute(router, method, path, route);
    }
  }
  return {
    routes: [...byShape.values()],
    find(method, path) {
      const found = findRoute(router, method, path) ?? (method === 'HEAD' ? findRoute(router, 'GET', path) : undefined);
      if (found === undefined) return { route: undefined, allowed: allowedMethods(byShape.values(), router, path) };
      return { route: found.data, params: found.params === undefined ? noParams : decoded(found.params) };
    },
  };
}

function allowedMethods(
  routes: Iterable<Route>,
  router: Parameters<typeof findRoute<Route>>[0],
  path: string,
): string[] {
  const methods = new Set([...routes].map((route) => route.method));
  const allowed = [...methods].filter((method) => findRoute(router, method, path, { params: false }) !== undefined);
  if (allowed.includes('GET') && !allowed.includes('HEAD')) allowed.push('HEAD');
  return allowed.sort();
}

function decoded(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const name of Object.keys(params)) {
    const value = params[name]!;
    result[name] = value.includes('%') ? decodedText(value) : value;
  }
  return result;
}

/** Not every `%` in a path is an escape; what does not decode stays as it came. */
function decodedText(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function refuseConflict(route: Route, other: Route | undefined): void {
  if (other === undefined) return;
  throw new MofoError(
    'ROUTE_CONFLICT',
    `"${route.key}" of module ${route.module} answers the same requests as "${other.key}" of module ${other.module}. ` +
      'The routes are as they were. Change one of the two.',
    { data: { module: route.module, key: route.key, other: { module: other.module, key: other.key } } },
  );
}
