// `Response` as modules see it: the web standard's, but cheap. Node's own costs a stream for every body; most answers are a
// text or JSON that is written as it is. This one keeps what it was given, and becomes Node's own only when somebody asks for
// more than its status, headers and text. Its prototype is Node's, so `instanceof Response` holds both ways.

/** A body that can be written at once. */
export type PlainBody = string | Uint8Array | null;

/** What can be sent without reading a stream: also what a transaction can commit together with its effects. */
export interface PlainResponse {
  readonly status: number;
  readonly statusText: string;
  /** Name, value, name, value, … as `writeHead` takes them. */
  readonly headers: readonly string[];
  readonly body: PlainBody;
}

const NativeResponse: typeof Response = globalThis.Response;
const jsonType: readonly string[] = ['content-type', 'application/json'];
const textType: readonly string[] = ['content-type', 'text/plain;charset=UTF-8'];
const noHeaders: readonly string[] = [];
const nullBodyStatus = new Set([101, 204, 205, 304]);

interface Plain {
  readonly body: PlainBody;
  readonly init: ResponseInit | undefined;
  /** Header pairs when they are known without asking: no `headers` in `init`. */
  readonly headers: readonly string[] | undefined;
  readonly ownType: readonly string[];
}

class LightResponse {
  #plain: Plain | undefined;
  #native: Response | undefined;

  constructor(body?: ConstructorParameters<typeof Response>[0], init?: ResponseInit) {
    const isPlain = body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array;
    const status = init?.status ?? 200;
    if (isPlain && isUsual(status, init) && !(body != null && nullBodyStatus.has(status))) {
      // A copy, as the standard has it: the caller may go on writing into its bytes.
      const kept = body instanceof Uint8Array ? body.slice() : (body ?? null);
      this.#keep(kept, init, typeof body === 'string' ? textType : noHeaders);
    } else {
      this.#native = new NativeResponse(body, init);
    }
  }

  static json(value: unknown, init?: ResponseInit): LightResponse {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError('Response.json: the value is not JSON');
    const status = init?.status ?? 200;
    if (nullBodyStatus.has(status)) throw new TypeError(`Response.json: status ${status} has no body`);
    const response = new LightResponse();
    if (isUsual(status, init)) response.#keep(text, init, jsonType);
    else response.#native = NativeResponse.json(value, init);
    return response;
  }

  static redirect(...parameters: Parameters<typeof Response.redirect>): Response {
    return NativeResponse.redirect(...parameters);
  }

  static error(): Response {
    return NativeResponse.error();
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof NativeResponse;
  }

  /** What can be written at once, or undefined if this needs its stream. */
  static plainOf(response: Response): PlainResponse | undefined {
    if (!(#plain in response)) return undefined;
    const light = response as unknown as LightResponse;
    const plain = light.#plain;
    if (plain === undefined || light.#native?.bodyUsed === true) return undefined;
    const headers = plain.headers ?? pairsOf(new Headers(plain.init?.headers), plain.ownType);
    const changed = light.#native === undefined ? headers : pairsOf(light.#native.headers, noHeaders);
    return {
      status: plain.init?.status ?? 200,
      statusText: plain.init?.statusText ?? '',
      headers: changed,
      body: plain.body,
    };
  }

  get status(): number {
    return this.#native?.status ?? this.#plain?.init?.status ?? 200;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get statusText(): string {
    return this.#native?.statusText ?? this.#plain?.init?.statusText ?? '';
  }

  get headers(): Headers {
    return this.#whole().headers;
  }

  get body(): ReadableStream | null {
    return this.#whole().body;
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false;
  }

  get type(): Response['type'] {
    return 'default';
  }

  get url(): string {
    return '';
  }

  get redirected(): boolean {
    return false;
  }

  clone(): Response {
    return this.#whole().clone();
  }

  text(): Promise<string> {
    return this.#whole().text();
  }

  json(): Promise<unknown> {
    return this.#whole().json();
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#whole().arrayBuffer();
  }

  blob(): Promise<Blob> {
    return this.#whole().blob();
  }

  formData(): Promise<FormData> {
    return this.#whole().formData();
  }

  #keep(body: PlainBody, init: ResponseInit | undefined, ownType: readonly string[]): void {
    const kept = init === undefined ? undefined : { ...init };
    // Headers are read now, so that bad ones throw where they were written.
    const headers = init?.headers === undefined ? ownType : pairsOf(new Headers(init.headers), ownType);
    this.#plain = { body, init: kept, headers, ownType };
  }

  #whole(): Response {
    if (this.#native !== undefined) return this.#native;
    const { body, init, headers } = this.#plain!;
    const pairs: [string, string][] = [];
    for (let index = 0; index < headers!.length; index += 2) pairs.push([headers![index]!, headers![index + 1]!]);
    this.#native = new NativeResponse(body, { ...init, headers: pairs });
    return this.#native;
  }
}

// Node's own prototype above ours: `light instanceof Response` holds for the global class too.
Object.setPrototypeOf(LightResponse.prototype, NativeResponse.prototype);

/** The `Response` that modules get: same interface, no stream unless one is asked for. */
export const WebResponse: typeof Response = LightResponse as unknown as typeof Response;

/** What can be written at once, or undefined if `response` is Node's own or its body was taken. */
export function plainResponse(response: Response): PlainResponse | undefined {
  return LightResponse.plainOf(response);
}

/** The header pairs of `headers`, `ownType` in front unless they have a content type; each set-cookie stays apart. */
export function pairsOf(headers: Headers, ownType: readonly string[]): string[] {
  const pairs: string[] = headers.has('content-type') ? [] : [...ownType];
  for (const [name, value] of headers) pairs.push(name, value);
  return pairs;
}

function isUsual(status: number, init: ResponseInit | undefined): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599 && (init?.statusText ?? '') === '';
}
