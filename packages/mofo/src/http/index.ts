// HTTP for modules: routes, web-standard requests and answers, the server.
export { errorResponse, isRefusal, statusOf } from './error-response.ts';
export { buildRoutes, type Route, type RoutedModule, type RouteMatch, type RouteTable } from './routes.ts';
export {
  type HttpCounters,
  type HttpServer,
  type ListenTarget,
  type ServeHttpOptions,
  serveHttp,
} from './serve-http.ts';
export { type PlainResponse, plainResponse, WebResponse } from './web-response.ts';
