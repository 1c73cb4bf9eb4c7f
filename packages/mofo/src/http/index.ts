// HTTP for modules: routes, web-standard requests and answers, the server. Handlers that are written by hand need no more.
export { buildRoutes } from './routes.ts';
export { type HttpServer, serveHttp } from './serve-http.ts';
export { WebResponse } from './web-response.ts';
