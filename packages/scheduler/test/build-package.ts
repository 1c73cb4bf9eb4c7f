// Child programs import the built package; this builds it, so that they never run yesterday's code.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Compiles the package if its sources are newer than what was built. */
export function buildPackage(): void {
  execFileSync(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, '-b', `${root}/packages/scheduler`]);
}
