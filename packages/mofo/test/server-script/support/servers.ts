// Servers as people write them, with nothing of mofo in them. Each answers GET /echo/:id, POST /echo/:id and GET /version.

/** A server by framework: its file, and its text with a version. */
export const servers: Readonly<
  Record<string, { readonly script: string; readonly text: (version: string) => string }>
> = {
  'node:http': {
    script: 'server.js',
    text: (version) => `
const http = require('http');
const server = http.createServer((request, response) => {
  const [, what, id] = request.url.split('/');
  const answer = () => response.end(what === 'version' ? '${version}' : JSON.stringify({ id }));
  if (request.method === 'POST') request.resume().on('end', answer);
  else answer();
});
server.listen(process.env.PORT || 0);`,
  },
  express: {
    script: 'server.js',
    text: (version) => `
const express = require('express');
const app = express();
app.use(express.json());
app.get('/echo/:id', (request, response) => { response.json({ id: request.params.id }); });
app.post('/echo/:id', (request, response) => { response.json({ id: request.params.id }); });
app.get('/version', (request, response) => { response.send('${version}'); });
app.listen(0);`,
  },
  fastify: {
    script: 'server.mjs',
    text: (version) => `
import fastify from 'fastify';
const app = fastify();
app.get('/echo/:id', async (request) => ({ id: request.params.id }));
app.post('/echo/:id', async (request) => ({ id: request.params.id }));
app.get('/version', async () => '${version}');
await app.listen({ port: 0, host: '127.0.0.1' });`,
  },
  koa: {
    script: 'server.mjs',
    text: (version) => `
import Koa from 'koa';
const app = new Koa();
app.use(async (context) => {
  const [, what, id] = context.path.split('/');
  await new Promise(setImmediate);
  context.body = what === 'version' ? '${version}' : { id };
});
app.listen(0);`,
  },
};
