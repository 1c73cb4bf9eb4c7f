// Worker of the subject `node-cluster` for connections: answers as the app does, and forgets what it did when it dies.

import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const id = (request.url ?? '').split('/').at(-1);
  request.on('end', () => {
    const text = JSON.stringify(request.method === 'GET' ? { id } : { id, times: 1 });
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  request.resume();
});
server.keepAliveTimeout = 60_000;
// Named by whoever starts the primary: a free one would be another for each worker.
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  console.log(JSON.stringify({ pid: process.pid, heirOf: Number(process.env.HEIR_OF), port }));
});
