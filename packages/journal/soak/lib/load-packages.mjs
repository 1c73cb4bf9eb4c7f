// Where a soak gets the packages from: the workspace as it was built, or a changed copy of them (--packages FOLDER, as lib/variant.mjs makes it).

import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** { shm, journal } of the workspace or of the copy in `folder`. */
export async function loadPackages(folder = fileURLToPath(new URL('../../..', import.meta.url))) {
  const load = (path) => import(pathToFileURL(join(folder, path)).href);
  return { shm: await load('shm-store/dist/index.js'), journal: await load('journal/dist/index.js') };
}
