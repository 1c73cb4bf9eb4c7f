// What may become of a request whose process dies before it has answered.

/** A connection whose process died is reset; anything else, a refused one above all, is a failure of the test. */
export function resetOnly(error: unknown): undefined {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? {};
  if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET') throw error;
  return undefined;
}
