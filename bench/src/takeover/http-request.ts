// One request without a client library, for what is asked beside the measurement.

/** Asks, and gives the answer's JSON. Throws for any other status than 200. */
export async function request(port: number, method: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  if (response.status !== 200) throw new Error(`${method} ${path} was answered with ${response.status}.`);
  return response.json();
}
