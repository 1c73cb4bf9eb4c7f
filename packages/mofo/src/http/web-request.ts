// `Request` as handlers get it: the web standard's, built as it is looked at. Most handlers look at the URL and the JSON body;
// headers, signal and stream are made only for those who ask. Its prototype is Node's, so `instanceof Request` holds; `clone()`
// gives one that is Node's own through and through, for `fetch` and the like.

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { MofoError } from '../errors.ts';
import { readBody, streamBody } from './request-body.ts';

const NativeRequest: typeof Request = globalThis.Request;

/** What the server knows besides the message itself. */
export interface RequestFacts {
  /** `http://host:port` for requests that do not say their host. */
  readonly origin: string;
  readonly maxBodyBytes: number;
}

class LightRequest {
  readonly #incoming: IncomingMessage;
  readonly #facts: RequestFacts;
  #headers: Headers | undefined;
  #url: string | undefined;
  #abort: AbortController | undefined;
  #isAborted = false;
  #isRead = false;
  #native: Request | undefined;

  constructor(incoming: IncomingMessage, facts: RequestFacts) {
    this.#incoming = incoming;
    this.#facts = facts;
  }

  /** Tells handlers that the client is gone. */
  static abort(request: LightRequest): void {
    request.#isAborted = true;
    request.#abort?.abort(goneReason());
  }

  get method(): string {
    return this.#incoming.method ?? 'GET';
  }

  get url(): string {
    this.#url ??= absoluteUrl(this.#incoming, this.#facts.origin);
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#incoming);
    return this.#headers;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isAborted) this.#abort.abort(goneReason());
    }
    return this.#abort.signal;
  }

  get body(): ReadableStream | null {
    return this.#whole().body;
  }

  get bodyUsed(): boolean {
    return this.#isRead || this.#native?.bodyUsed === true;
  }

  get #hasBody(): boolean {
    return this.method !== 'GET' && this.method !== 'HEAD';
  }

  async text(): Promise<string> {
    if (this.#native !== undefined) return this.#native.text();
    return new TextDecoder().decode(await this.#bytes());
  }

  async json(): Promise<unknown> {
    if (this.#native !== undefined) return this.#native.json();
    return parseJson(new TextDecoder().decode(await this.#bytes()));
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#native !== undefined) return this.#native.arrayBuffer();
    return new Uint8Array(await this.#bytes()).buffer as ArrayBuffer;
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await this.arrayBuffer());
  }

  blob(): Promise<Blob> {
    return this.#whole().blob();
  }

  formData(): Promise<FormData> {
    return this.#whole().formData();
  }

  clone(): Request {
    return this.#whole().clone();
  }

  get cache(): Request['cache'] {
    return this.#whole().cache;
  }

  get credentials(): Request['credentials'] {
    return this.#whole().credentials;
  }

  get destination(): Request['destination'] {
    return this.#whole().destination;
  }

  get duplex(): 'half' {
    return 'half';
  }

  get integrity(): string {
    return this.#whole().integrity;
  }

  get keepalive(): boolean {
    return this.#whole().keepalive;
  }

  get mode(): Request['mode'] {
    return this.#whole().mode;
  }

  get redirect(): Request['redirect'] {
    return this.#whole().redirect;
  }

  get referrer(): string {
    return this.#whole().referrer;
  }

  get referrerPolicy(): Request['referrerPolicy'] {
    return this.#whole().referrerPolicy;
  }

  async #bytes(): Promise<Buffer> {
    if (this.#isRead) throw new TypeError('Body is unusable: Body has already been read');
    this.#isRead = true;
    return this.#hasBody ? readBody(this.#incoming, this.#facts.maxBodyBytes) : Buffer.alloc(0);
  }

  /** Node's own request over the same message; takes over the body. */
  #whole(): Request {
    if (this.#native !== undefined) return this.#native;
    const init: RequestInit = { method: this.method, headers: this.headers, signal: this.signal };
    if (this.#hasBody && !this.#isRead) {
      init.body = Readable.toWeb(
        Readable.from(streamBody(this.#incoming, this.#facts.maxBodyBytes), { objectMode: false }),
      ) as never;
      init.duplex = 'half';
    }
    this.#native = new NativeRequest(this.url, init);
    return this.#native;
  }
}

Object.setPrototypeOf(LightRequest.prototype, NativeRequest.prototype);

/** Makes the request that a handler gets. */
export function webRequest(incoming: IncomingMessage, facts: RequestFacts): Request {
  return new LightRequest(incoming, facts) as unknown as Request;
}

/** Aborts the signal of a request made by {@link webRequest}: its client is gone. */
export function abortRequest(request: Request): void {
  LightRequest.abort(request as unknown as LightRequest);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const cause = new MofoError('BODY_UNUSABLE', "the request's body is no JSON.", { cause: error });
    throw new SyntaxError((error as Error).message, { cause });
  }
}

function goneReason(): MofoError {
  return new MofoError('BODY_UNUSABLE', 'the client closed the connection before the answer was complete.');
}

/** Header names and values as they came; several of one name stay several. */
function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  const { rawHeaders } = incoming;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    // Pseudo headers of HTTP/2 are no headers.
    if (!name.startsWith(':')) headers.append(name, rawHeaders[index + 1]!);
  }
  return headers;
}

function absoluteUrl(incoming: IncomingMessage, origin: string): string {
  const target = incoming.url ?? '/';
  if (!target.startsWith('/')) return URL.canParse(target) ? new URL(target).href : new URL('/', origin).href;
  const { host } = incoming.headers;
  const base = host !== undefined && URL.canParse(`http://${host}`) ? `http://${host}` : origin;
  return new URL(base + target).href;
}
