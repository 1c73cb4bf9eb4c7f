// A request's body, read only when somebody asks for it, and never beyond the limit.

import type { IncomingMessage } from 'node:http';
import { MofoError } from '../errors.ts';

/** The error of a body that is longer than allowed. */
export function bodyTooLarge(maxBodyBytes: number): MofoError {
  return new MofoError(
    'BODY_TOO_LARGE',
    `the request's body is longer than ${maxBodyBytes.toLocaleString('en-US')} bytes. It was not read further. Raise http.maxBody if it should be taken.`,
    { data: { maxBodyBytes } },
  );
}

/** The length that the request states for its body; undefined if it states none, 0 if it has none. */
export function statedBodyBytes(incoming: IncomingMessage): number | undefined {
  const length = incoming.headers['content-length'];
  if (length !== undefined) return Number(length);
  return incoming.headers['transfer-encoding'] === undefined ? 0 : undefined;
}

/**
 * Reads the whole body.
 *
 * @throws MofoError BODY_TOO_LARGE beyond the limit; BODY_UNUSABLE if the client went away before its end.
 */
export function readBody(incoming: IncomingMessage, maxBodyBytes: number): Promise<Buffer> {
  return new Promise((settle, fail) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const finish = (error: MofoError | undefined): void => {
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onError);
      if (error === undefined) settle(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, sizeBytes));
      else fail(error);
    };
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.byteLength;
      if (sizeBytes <= maxBodyBytes) chunks.push(chunk);
      else finish(bodyTooLarge(maxBodyBytes));
    };
    const onEnd = (): void => finish(undefined);
    const onClose = (): void => finish(cutShort());
    const onError = (error: Error): void => finish(cutShort(error));
    if (incoming.readableEnded) settle(Buffer.alloc(0));
    else if (incoming.destroyed) fail(cutShort());
    else incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onError);
  });
}

/** The body as a stream that fails beyond the limit. */
export async function* streamBody(incoming: IncomingMessage, maxBodyBytes: number): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
    yield chunk;
  }
}

function cutShort(cause?: Error): MofoError {
  return new MofoError('BODY_UNUSABLE', 'the client went away before the end of its request body.', { cause });
}
