// Which source was measured.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Short id of the commit that is checked out; null when there is no git or no work tree. */
export function commitId(): string | null {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short=12', 'HEAD'], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : null;
}
