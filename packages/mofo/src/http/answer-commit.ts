// An answer that is committed together with its effects: the bytes are settled inside the transaction, and exactly those are sent, by whoever lives.

import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type PlainResponse, plainResponse } from './web-response.ts';

/** An answer as bytes. */
export interface AnswerBytes {
  /** Status line and headers up to and with the empty line. */
  readonly head: string;
  /** The headers for `writeHead`, so that it makes the same head. */
  readonly headers: readonly string[];
  readonly status: number;
  readonly body: string | Uint8Array;
  /** Head and body. */
  readonly bytes: Buffer;
  /** The connection ends with it. */
  readonly closes: boolean;
  /** What the response said then. */
  readonly source: PlainResponse;
}

/** What a server knows of the answer to one request that may be committed. */
export interface AnswerCommit {
  /** The response whose bytes were committed, and those; undefined while none was. */
  readonly committed: { readonly response: Response; readonly answer: AnswerBytes } | undefined;
  /** Another answer than the committed one is about to be sent. */
  revoke(): void;
}

/** Headers that say how long the answer is and how the connection goes on: whoever sets them wants it in a way of their own. */
const ownHeaders = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'trailer', 'upgrade']);

/**
 * The bytes of an answer, as Node would write them. Undefined if it has no body at hand, or something unusual in its head.
 *
 * @param outgoing says whether the connection goes on, and for how long.
 */
export function answerBytes(
  response: Response,
  outgoing: ServerResponse,
  keepAliveTimeoutMs: number,
): AnswerBytes | undefined {
  const plain = plainResponse(response);
  if (plain === undefined || plain.statusText !== '') return undefined;
  const isBodiless = plain.status === 204 || plain.status === 304;
  const names = new Set<string>();
  for (let index = 0; index < plain.headers.length; index += 2) names.add(plain.headers[index]!.toLowerCase());
  for (const name of names) if (ownHeaders.has(name)) return undefined;
  const body = isBodiless ? '' : (plain.body ?? '');
  const headers = [...plain.headers];
  if (!isBodiless)
    headers.push('content-length', String(typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength));
  if (!names.has('date')) headers.push('Date', new Date().toUTCString());
  const closes = !outgoing.shouldKeepAlive;
  headers.push('Connection', closes ? 'close' : 'keep-alive');
  if (!closes) headers.push('Keep-Alive', `timeout=${Math.floor(keepAliveTimeoutMs / 1000)}`);
  let head = `HTTP/1.1 ${plain.status} ${STATUS_CODES[plain.status] ?? 'unknown'}\r\n`;
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  head += '\r\n';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: beyond ASCII the bytes would depend on the body's encoding.
  if (!/^[\x00-\x7f]*$/.test(head)) return undefined;
  const bytes = Buffer.concat([Buffer.from(head, 'latin1'), typeof body === 'string' ? Buffer.from(body) : body]);
  return { head, headers, status: plain.status, body, bytes, closes, source: plain };
}

/** Whether a response still says what it said when its bytes were settled: a handler may have set headers since, or read its body. */
export function isUnchanged(response: Response, { source }: AnswerBytes): boolean {
  const now = plainResponse(response);
  if (now === undefined || now.status !== source.status || now.body !== source.body) return false;
  return now.headers === source.headers || headerSet(now.headers) === headerSet(source.headers);
}

/** The same text for the same headers in whatever order and case. */
function headerSet(pairs: readonly string[]): string {
  const lines: string[] = [];
  for (let index = 0; index < pairs.length; index += 2)
    lines.push(`${pairs[index]!.toLowerCase()}:${pairs[index + 1]}`);
  return lines.sort().join('\n');
}

/**
 * Writes the head of a committed answer.
 *
 * @returns false if Node would write another head than the committed one. Then nothing has been sent, and the answer must be revoked before it is.
 */
export function prepareCommitted(outgoing: ServerResponse, { status, headers, head }: AnswerBytes): boolean {
  outgoing.writeHead(status, [...headers]);
  // Node's own word for what it will write; there is no public one.
  return (outgoing as ServerResponse & { readonly _header: unknown })._header === head;
}
