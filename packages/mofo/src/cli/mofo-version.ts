// The version of this package, as its manifest says.

import { createRequire } from 'node:module';

/** `0.1.0`. */
export function mofoVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('mofo/package.json');
  return (manifest as { version: string }).version;
}
