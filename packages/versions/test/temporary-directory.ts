// A directory of a test's own, removed when the test ends.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes an empty directory; the running test removes it at its end, passed or failed. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'mofo-versions-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
