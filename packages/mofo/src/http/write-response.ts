// From a Response to the wire. Texts and bytes go out in one write with their length; streams are pumped with back-pressure, and
// given up when the client is gone.

import type { ServerResponse } from 'node:http';
import { MofoError } from '../errors.ts';
import { pairsOf, plainResponse } from './web-response.ts';

/**
 * Writes a whole answer. Returns at once for plain bodies, otherwise when the stream has been written.
 *
 * @throws what the body's stream throws; the head may have gone out by then.
 */
export function writeResponse(response: Response, outgoing: ServerResponse, isHead: boolean): void | Promise<void> {
  const plain = plainResponse(response);
  if (plain === undefined) return writeStream(response, outgoing, isHead);
  const { body } = plain;
  const headers = [...plain.headers];
  if (!headersHave(headers, 'content-length') && !isBodiless(plain.status)) {
    headers.push(
      'content-length',
      String(body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength),
    );
  }
  outgoing.writeHead(plain.status, plain.statusText === '' ? undefined : plain.statusText, headers);
  if (body === null || isHead) outgoing.end();
  else outgoing.end(body);
}

/** Whether a value is an answer: what handlers must give. */
export function requireResponse(value: unknown, key: string): Response {
  if (value instanceof Response) return value;
  throw new MofoError(
    'RESPONSE_INVALID',
    `the handler of "${key}" gave ${value === null ? 'null' : typeof value} instead of a Response. Return Response.json(…) or new Response(…).`,
    { data: { key } },
  );
}

async function writeStream(response: Response, outgoing: ServerResponse, isHead: boolean): Promise<void> {
  if (response.bodyUsed)
    throw new MofoError('RESPONSE_INVALID', 'the Response was answered or read before: its body is used up.');
  const headers = pairsOf(response.headers, []);
  const { body } = response;
  const reader = body?.getReader();
  const begun = reader === undefined || isHead ? undefined : await readBeginning(reader);
  const isWhole = begun === undefined || begun.next === undefined;
  if (isWhole && !isHead && !headersHave(headers, 'content-length') && !isBodiless(response.status)) {
    headers.push('content-length', String(begun?.first?.byteLength ?? 0));
  }
  outgoing.writeHead(response.status, response.statusText === '' ? undefined : response.statusText, headers);
  if (isHead || begun === undefined || begun.next === undefined) {
    if (begun?.first === undefined) outgoing.end();
    else outgoing.end(begun.first);
    if (isHead) await reader?.cancel();
    return;
  }
  if (begun.first !== undefined) outgoing.write(begun.first);
  await pump(reader!, begun.next, outgoing);
}

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>;

/**
 * Reads the first chunk, and the second if it comes within the same turn: most streams are one text and its end, which go out
 * together with their length. `next` is the read under way, undefined if the stream has ended.
 */
async function readBeginning(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ readonly first: Uint8Array | undefined; readonly next: Promise<Read> | undefined }> {
  const first = await reader.read();
  if (first.done) return { first: undefined, next: undefined };
  const next = reader.read();
  // A failure before its turn is met by whoever awaits `next`; this only keeps it from counting as unhandled until then.
  next.catch(() => {});
  const soon = await Promise.race([next, new Promise<undefined>((settle) => setImmediate(settle, undefined))]);
  return { first: first.value, next: soon?.done === true ? undefined : next };
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  begun: Promise<Read>,
  outgoing: ServerResponse,
): Promise<void> {
  let isGone = outgoing.destroyed;
  const giveUp = (): void => {
    isGone = true;
    // What the stream says to being given up concerns nobody any more: its reader is gone.
    reader.cancel(new Error('the client is gone')).catch(() => {});
  };
  if (isGone) giveUp();
  outgoing.once('close', giveUp);
  try {
    for (let next = begun; ; next = reader.read()) {
      const { done, value } = await next;
      if (done || isGone) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
  } finally {
    outgoing.off('close', giveUp);
  }
  if (!isGone) outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((settle) => {
    const go = (): void => {
      outgoing.off('drain', go).off('close', go);
      settle();
    };
    if (outgoing.destroyed) settle();
    else outgoing.on('drain', go).on('close', go);
  });
}

function headersHave(pairs: readonly string[], name: string): boolean {
  for (let index = 0; index < pairs.length; index += 2) if (pairs[index]!.toLowerCase() === name) return true;
  return false;
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}
