// The version of this package, as its manifest says.

import { readFileSync } from 'node:fs';

/** `0.1.0`. */
export function mofoVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
