// What clients learn of an error: a status, a code and a message, never a stack. What a module refused (`ctx.fail`) is told as it
// is; what broke is told as HANDLER_FAILED, and its details stay in the log.

import { ModuleFailure } from '../define/index.ts';
import { MofoError, type MofoErrorCode } from '../errors.ts';
import { WebResponse } from './web-response.ts';

/** Status of each code that clients may see; all others are 500 HANDLER_FAILED. */
const statuses: { readonly [code in MofoErrorCode]?: number } = {
  BODY_TOO_LARGE: 413,
  BODY_UNUSABLE: 400,
  METHOD_NOT_ALLOWED: 405,
  MODULE_UNAVAILABLE: 503,
  ROUTE_NOT_FOUND: 404,
  STOPPING: 503,
};

/**
 * Whether an error is a refusal: the module's own (`ctx.fail`), or a request that was at fault itself (a body too long, cut short,
 * or no JSON). It says nothing against the version that threw it.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof ModuleFailure || bodyErrorOf(error) !== undefined;
}

/** The status that an error is answered with. */
export function statusOf(error: unknown): number {
  if (error instanceof ModuleFailure) return 422;
  const told = bodyErrorOf(error) ?? error;
  return told instanceof MofoError ? (statuses[told.code] ?? 500) : 500;
}

/** `request.json()` throws a SyntaxError, as the standard has it; its cause says that the body was to blame. */
function bodyErrorOf(error: unknown): MofoError | undefined {
  const candidate = error instanceof SyntaxError ? error.cause : error;
  return candidate instanceof MofoError && candidate.code.startsWith('BODY_') ? candidate : undefined;
}

/** The answer to a request that failed: `{ "error": { "code", "message" } }`. */
export function errorResponse(error: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const status = statusOf(error);
  return WebResponse.json({ error: publicError(error, status) }, { status, headers: { ...headers } });
}

function publicError(error: unknown, status: number): { code: string; message: string } {
  if (error instanceof ModuleFailure) return { code: error.code, message: error.message };
  const told = bodyErrorOf(error) ?? error;
  if (told instanceof MofoError && status !== 500) return { code: told.code, message: told.message };
  return { code: 'HANDLER_FAILED', message: 'the request could not be answered; the log of the server says why.' };
}
