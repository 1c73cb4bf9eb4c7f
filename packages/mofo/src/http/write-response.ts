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
  if (body === null && !headersHave(headers, 'content-length') && !isBodiless(response.status))
    headers.push('content-length', '0');
  outgoing.writeHead(response.status, response.statusText === '' ? undefined : response.statusText, headers);
  if (body === null || isHead) {
    outgoing.end();
    await body?.cancel();
    return;
  }
  await pump(body.getReader(), outgoing);
}

async function pump(reader: ReadableStreamDefaultReader<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  let isGone = false;
  const onClose = (): void => {
    isGone = true;
    // What the stream says to being given up concerns nobody any more: its reader is gone.
    reader.cancel(new Error('the client is gone')).catch(() => {});
  };
  outgoing.once('close', onClose);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || isGone) break;
      if (!outgoing.write(value)) await drained(outgoing);
    }
  } finally {
    outgoing.off('close', onClose);
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
