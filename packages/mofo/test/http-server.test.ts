import { once } from 'node:events';
import { Agent, get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { ModuleFailure } from '../src/define/index.ts';
import { MofoError } from '../src/errors.ts';
import { buildRoutes, type HttpServer, serveHttp, WebResponse } from '../src/http/index.ts';

type Handler = (request: Request, params: Readonly<Record<string, string>>) => unknown;

const open: HttpServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop(0);
});

/** Serves handlers of one module; errors that the server reports are gathered. */
async function serve(
  handlers: Record<string, unknown>,
  maxBodyBytes?: number,
): Promise<{ server: HttpServer; base: string; errors: unknown[] }> {
  const errors: unknown[] = [];
  const table = buildRoutes([{ module: 'm', http: handlers }]);
  const server = await serveHttp({
    listen: { port: 0 },
    routes: () => table,
    invoke: (route, request, params) => (handlers[route.key] as Handler)(request, params) as Response,
    invokeNode: (route, request, response) =>
      (handlers[route.key] as { node(...all: unknown[]): unknown }).node({}, request, response),
    onError: (error) => errors.push(error),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
  });
  open.push(server);
  return { server, base: `http://127.0.0.1:${server.port}`, errors };
}

/** A promise and the function that resolves it. */
function gate<T = void>(): { promise: Promise<T>; go: (value: T) => void } {
  let go!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    go = settle;
  });
  return { promise, go };
}

describe('routing', () => {
  it('prefers fixed parts, decodes parameters, ignores a slash at the end', async () => {
    const { base } = await serve({
      'GET /users/:id': (_: Request, params: object) => WebResponse.json(params),
      'GET /users/me': () => new WebResponse('me'),
      'GET /files/**:path': (_: Request, params: object) => WebResponse.json(params),
    });
    expect(await (await fetch(`${base}/users/a%20b?x=1`)).json()).toEqual({ id: 'a b' });
    expect(await (await fetch(`${base}/users/%E0%A4`)).json()).toEqual({ id: '%E0%A4' });
    expect(await (await fetch(`${base}/users/me/`)).text()).toBe('me');
    expect(await (await fetch(`${base}/files/a/b`)).json()).toEqual({ path: 'a/b' });
  });

  it('answers 404, and 405 with what the path takes', async () => {
    const { base } = await serve({
      'GET /a/:id': () => new WebResponse('x'),
      'DELETE /a/:id': () => new WebResponse(null, { status: 204 }),
    });
    const missing = await fetch(`${base}/b`);
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: 'ROUTE_NOT_FOUND' } }]);
    const refused = await fetch(`${base}/a/1`, { method: 'POST', body: 'x' });
    expect([refused.status, refused.headers.get('allow'), await refused.json()]).toMatchObject([
      405,
      'DELETE, GET, HEAD',
      { error: { code: 'METHOD_NOT_ALLOWED' } },
    ]);
    expect((await fetch(`${base}/a/1`, { method: 'DELETE' })).status).toBe(204);
  });

  it.each([
    ['the same twice', { 'GET /a/:id': 1 }, { 'GET /a/:name': 1 }],
    ['a slash at the end', { 'GET /a': 1 }, { 'GET /a/': 1 }],
  ])('refuses two modules that answer %s', (_name, one, other) => {
    const build = (): unknown =>
      buildRoutes([
        { module: 'one', http: one },
        { module: 'other', http: other },
      ]);
    expect(build).toThrowError(expect.objectContaining({ code: 'ROUTE_CONFLICT' }));
  });
});

describe('requests', () => {
  it('are web-standard in what handlers look at', async () => {
    const { base } = await serve({
      'POST /echo': async (request: Request) =>
        WebResponse.json({
          isRequest: request instanceof Request,
          method: request.method,
          path: new URL(request.url).pathname + new URL(request.url).search,
          header: request.headers.get('X-Thing'),
          isQuiet: !request.signal.aborted,
          before: request.bodyUsed,
          body: await request.json(),
          after: request.bodyUsed,
          again: await request.text().catch((error: Error) => error.name),
        }),
    });
    const response = await fetch(`${base}/echo?q=1`, {
      method: 'POST',
      body: '{"a":"ä"}',
      headers: { 'x-thing': 'yes' },
    });
    expect(await response.json()).toEqual({
      isRequest: true,
      method: 'POST',
      path: '/echo?q=1',
      header: 'yes',
      isQuiet: true,
      before: false,
      body: { a: 'ä' },
      after: true,
      again: 'TypeError',
    });
  });

  it('give text, bytes, form data, a stream, and a clone that fetch takes', async () => {
    const { base } = await serve({
      'POST /text': async (request: Request) => new WebResponse(await request.text()),
      'POST /bytes': async (request: Request) => new WebResponse(String((await request.arrayBuffer()).byteLength)),
      'POST /form': async (request: Request) => new WebResponse(String((await request.formData()).get('a'))),
      'POST /stream': (request: Request) => new WebResponse(request.body),
      'POST /proxy': (request: Request) => fetch(new Request(`${base}/text`, request.clone())),
    });
    const form = new FormData();
    form.set('a', 'of the form');
    const post = async (path: string, body: FormData | string): Promise<string> =>
      (await fetch(base + path, { method: 'POST', body })).text();
    expect(await post('/text', 'hällo')).toBe('hällo');
    expect(await post('/bytes', 'hällo')).toBe('6');
    expect(await post('/form', form)).toBe('of the form');
    expect(await post('/stream', 'x'.repeat(100_000))).toHaveLength(100_000);
    expect(await post('/proxy', 'through')).toBe('through');
  });

  it('are refused with 413 beyond the limit, stated or not, and the connection is not reused for the rest', async () => {
    const { base, errors } = await serve(
      { 'POST /': async (request: Request) => new WebResponse(await request.text()) },
      1000,
    );
    const stated = await fetch(base, { method: 'POST', body: 'x'.repeat(1001) });
    expect([stated.status, await stated.json()]).toMatchObject([413, { error: { code: 'BODY_TOO_LARGE' } }]);
    const streamed = await fetch(base, {
      method: 'POST',
      body: Readable.toWeb(Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(100)))) as never,
      duplex: 'half',
    } as RequestInit);
    expect(streamed.status).toBe(413);
    expect((await fetch(base, { method: 'POST', body: 'x'.repeat(1000) })).status).toBe(200);
    expect(errors).toEqual([]);
  });

  it('with a body that is no JSON are the client`s fault', async () => {
    const { base, errors, server } = await serve({
      'POST /': async (request: Request) => WebResponse.json(await request.json()),
    });
    const response = await fetch(base, { method: 'POST', body: '{' });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'BODY_UNUSABLE' } }]);
    expect(errors).toEqual([]);
    expect(server.counters().failed).toBe(0);
  });

  it('abort their signal when the client goes away', async () => {
    const aborted = gate();
    const started = gate();
    const { base, server } = await serve({
      'GET /': async (request: Request) => {
        request.signal.addEventListener('abort', () => aborted.go());
        started.go();
        await aborted.promise;
        return new WebResponse('late');
      },
    });
    const client = httpGet(base);
    client.on('error', () => {});
    await started.promise;
    client.destroy();
    await aborted.promise;
    await expect.poll(() => server.counters()).toMatchObject({ inFlight: 0, failed: 1, served: 0 });
  });
});

describe('answers', () => {
  it('keep status, headers and several cookies', async () => {
    const headers = new Headers({ 'x-a': '1' });
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    const { base } = await serve({
      'GET /': () => new WebResponse('ok', { status: 201, headers }),
      'GET /native': () => new Response('ok', { status: 201, headers }),
    });
    for (const path of ['/', '/native']) {
      const response = await fetch(base + path);
      expect([response.status, response.headers.get('x-a'), response.headers.getSetCookie()]).toEqual([
        201,
        '1',
        ['a=1', 'b=2'],
      ]);
      expect(response.headers.get('content-type')).toBe('text/plain;charset=UTF-8');
      expect(await response.text()).toBe('ok');
    }
  });

  it('have headers that were set after they were made', async () => {
    const { base } = await serve({
      'GET /': () => {
        const response = WebResponse.json({ a: 1 });
        response.headers.set('x-late', 'yes');
        return response;
      },
    });
    const response = await fetch(base);
    expect([response.headers.get('x-late'), await response.json()]).toEqual(['yes', { a: 1 }]);
  });

  it('to HEAD have no body', async () => {
    const { base } = await serve({
      'GET /': () => new WebResponse('hello'),
      'GET /s': () => new Response(new Blob(['x']).stream()),
    });
    const plain = await fetch(base, { method: 'HEAD' });
    expect([plain.status, plain.headers.get('content-length'), await plain.text()]).toEqual([200, '5', '']);
    expect(await (await fetch(`${base}/s`, { method: 'HEAD' })).text()).toBe('');
  });

  it('stream, and stop reading when the client goes away', async () => {
    const cancelled = gate();
    const { base } = await serve({
      'GET /': () =>
        new WebResponse(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
            cancel: () => cancelled.go(),
          }),
        ),
    });
    const client = httpGet(base);
    const [incoming] = (await once(client, 'response')) as [IncomingMessage];
    await once(incoming, 'data');
    client.destroy();
    await cancelled.promise;
  });

  it('in Node`s form go through', async () => {
    const { base } = await serve({
      'POST /': {
        node: (_: object, request: IncomingMessage, response: import('node:http').ServerResponse) =>
          request.pipe(response.writeHead(202)),
      },
    });
    const response = await fetch(base, { method: 'POST', body: 'through' });
    expect([response.status, await response.text()]).toEqual([202, 'through']);
  });

  const faults: [string, () => unknown, number, string][] = [
    [
      'a throw',
      () => {
        throw new Error('secret');
      },
      500,
      'HANDLER_FAILED',
    ],
    [
      'a rejection',
      async () => {
        throw new Error('secret');
      },
      500,
      'HANDLER_FAILED',
    ],
    ['no Response', () => ({ secret: 1 }), 500, 'HANDLER_FAILED'],
    [
      'a refusal',
      () => {
        throw new ModuleFailure('NO_ACCOUNT', 'alice');
      },
      422,
      'NO_ACCOUNT',
    ],
    [
      'a module that is not there',
      () => {
        throw new MofoError('MODULE_UNAVAILABLE', 'gone');
      },
      503,
      'MODULE_UNAVAILABLE',
    ],
  ];
  it.each(faults)('tell %s by code, without details', async (_name, handler, status, code) => {
    const { base, errors, server } = await serve({ 'GET /': handler });
    const response = await fetch(base);
    const text = await response.text();
    expect([response.status, JSON.parse(text).error.code]).toEqual([status, code]);
    expect(text).not.toContain('secret');
    expect(text).not.toContain('at ');
    expect(errors).toHaveLength(status === 422 ? 0 : 1);
    await expect.poll(() => server.counters().inFlight).toBe(0);
    expect(server.counters().failed).toBe(status === 422 ? 0 : 1);
  });

  it('that break off cut the connection', async () => {
    const begun = gate<ReadableStreamDefaultController>();
    const { base, errors } = await serve({
      'GET /': () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(new Uint8Array(10));
              begun.go(controller);
            },
          }),
        ),
    });
    const response = await fetch(base);
    expect(response.status).toBe(200);
    (await begun.promise).error(new Error('broken'));
    await expect(response.text()).rejects.toThrow();
    expect(errors).toHaveLength(1);
  });

  it('whose stream breaks before anything was sent are told as a fault', async () => {
    const { base, errors } = await serve({
      'GET /': () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })),
    });
    expect((await fetch(base)).status).toBe(500);
    expect(errors).toHaveLength(1);
  });

  it('of Node`s own Response go out whole, with their length', async () => {
    const { base } = await serve({ 'GET /': () => Response.json({ a: 1 }), 'GET /empty': () => new Response('') });
    expect((await fetch(base)).headers.get('content-length')).toBe('7');
    const empty = await fetch(`${base}/empty`);
    expect([empty.headers.get('content-length'), await empty.text()]).toEqual(['0', '']);
  });
});

describe('stopping', () => {
  it('finishes what is under way, on a connection that is kept alive, and refuses what is new', async () => {
    const started = gate();
    const finish = gate();
    const { base, server } = await serve({
      'GET /slow': async () => {
        started.go();
        await finish.promise;
        return new WebResponse('done');
      },
      'GET /quick': () => new WebResponse('x'),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const idle = connect(server.port, '127.0.0.1');
    const idleClosed = once(idle, 'close');
    idle.resume();
    await once(idle, 'connect');
    const client = httpRequest(`${base}/slow`, { agent });
    client.end();
    await started.promise;
    // Longer than the test may take: whoever waits for the limit fails it.
    const stopped = server.stop(60_000);
    await idleClosed;
    await expect(fetch(`${base}/quick`)).rejects.toThrow();
    finish.go();
    const [incoming] = (await once(client, 'response')) as [IncomingMessage];
    expect(incoming.headers.connection).toBe('close');
    incoming.resume();
    await once(incoming, 'end');
    await stopped;
    await expect.poll(() => server.counters()).toEqual({ served: 1, failed: 0, inFlight: 0, connections: 0 });
    agent.destroy();
  });

  it('closes a connection whose answer had begun before, once it is complete', async () => {
    const begun = gate<ReadableStreamDefaultController>();
    const { server } = await serve({
      'GET /': () => new Response(new ReadableStream({ start: (controller) => begun.go(controller) })),
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const client = httpRequest(`http://127.0.0.1:${server.port}/`, { agent });
    client.end();
    const controller = await begun.promise;
    controller.enqueue(new Uint8Array(1));
    const [incoming] = (await once(client, 'response')) as [IncomingMessage];
    const stopped = server.stop(60_000);
    controller.close();
    incoming.resume();
    await once(incoming, 'end');
    await stopped;
    agent.destroy();
  });

  it('ends at its limit', async () => {
    const started = gate();
    const { base, server } = await serve({
      'GET /': () => {
        started.go();
        return new Promise(() => {});
      },
    });
    const answer = fetch(base).then((response) => response.text());
    answer.catch(() => {});
    await started.promise;
    await server.stop(50);
    await expect(answer).rejects.toThrow();
    await expect.poll(() => server.counters().inFlight).toBe(0);
  });

  it('refuses a port in use with a code', async () => {
    const { server } = await serve({});
    const second = serveHttp({
      listen: { port: server.port },
      routes: () => buildRoutes([]),
      invoke: () => new Response(),
      invokeNode: () => {},
    });
    await expect(second).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
  });
});
