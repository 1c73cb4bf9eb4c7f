// Where a soak gets the packages from: the workspace as it was built, or a changed copy of them (--packages FOLDER, as lib/variant.mjs makes it).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** { shm, journal } of the workspace or of the copy in `folder`. */
export async function loadPackages(folder = fileURLToPath(new URL('../../..', import.meta.url))) {
  // What the name of the package loads, so that both have the same instance of shm-store.
  const load = (name) => {
    const { exports } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'));
    return import(pathToFileURL(join(folder, name, exports['.'].default)).href);
  };
  return { shm: await load('shm-store'), journal: await load('journal') };
}
