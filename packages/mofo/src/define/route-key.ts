// 'POST /accounts/:id' taken apart. The same reading for the declaration's check and for the router.

/** Methods that a route may name. HEAD is answered by the GET route where there is no other; OPTIONS and the rest are the module's. */
export const routeMethods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A route key read, or what is wrong with it. */
export type RouteKey =
  | { readonly method: string; readonly path: string; readonly problem?: undefined }
  | { readonly method?: undefined; readonly path?: undefined; readonly problem: string };

/** Reads `'METHOD /path/:param'`; `problem` says what is wrong with it. The last segment may be `**` or `**:name`, for all that follows. */
export function parseRouteKey(key: string): RouteKey {
  const match = /^([A-Z]+) (\/[^\s?#]*)$/.exec(key);
  if (match === null) return { problem: "is no route: write 'METHOD /path', such as 'GET /accounts/:id'" };
  const [, method, path] = match as unknown as [string, string, string];
  if (!routeMethods.includes(method)) return { problem: `has no method of ${routeMethods.join(', ')}` };
  const segments = path.slice(1).split('/');
  const names = new Set<string>();
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '' && !isLast) return { problem: 'has an empty segment (//)' };
    if (segment === '**' || segment.startsWith('**:')) {
      if (!isLast) return { problem: 'has ** before its end' };
      if (segment !== '**' && !/^\*\*:[A-Za-z_]\w*$/.test(segment))
        return { problem: `has a bad parameter ${segment}` };
    } else if (segment.startsWith(':')) {
      const name = segment.slice(1);
      if (!/^[A-Za-z_]\w*$/.test(name)) return { problem: `has a bad parameter name ${JSON.stringify(name)}` };
      if (names.has(name)) return { problem: `has the parameter :${name} twice` };
      names.add(name);
    } else if (!/^[\w.~!$&'+,;=@%-]*$/.test(segment)) {
      return { problem: `has a segment ${JSON.stringify(segment)} with characters that are not plain` };
    }
  }
  return { method, path };
}
