// Requests as bytes, for clients that check bytes.

/** A GET. */
export function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
}

/** A POST of JSON. */
export function post(path: string, body: unknown, headers = ''): string {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${headers}\r\n${text}`;
}

/** A POST of JSON in chunks. */
export function chunkedPost(path: string, body: unknown): string {
  const text = JSON.stringify(body);
  const chunk = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`;
}
