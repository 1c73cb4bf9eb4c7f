// `require` as a loaded bundle sees it. `mofo` and `@mofo/*` are the running runtime's own instances, for a second copy would
// have its own stores and its own classes; everything else comes from the app's node_modules or from Node itself.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { MofoError, systemCodeOf } from '../errors.ts';

/** The runtime's own packages by name: `mofo`, `@mofo/journal`, … */
export type ProvidedPackages = Readonly<Record<string, unknown>>;

/** Makes the `require` of a bundle. It holds nothing of the bundle, so one serves every version. */
export function moduleRequire(directory: string, provided: ProvidedPackages): (id: string) => unknown {
  const requireFromApp = createRequire(join(directory, 'package.json'));
  return (id) => {
    if (Object.hasOwn(provided, id)) return provided[id];
    if (id === 'mofo' || id.startsWith('@mofo/')) {
      const known = Object.keys(provided).join(', ');
      throw new MofoError(
        'REQUIRE_FAILED',
        `a module imports "${id}", which the running mofo does not provide (it provides ${known}). It was not loaded.`,
        { data: { id } },
      );
    }
    try {
      return requireFromApp(id);
    } catch (error) {
      if (systemCodeOf(error) !== 'MODULE_NOT_FOUND' || !String((error as Error).message).includes(`'${id}'`))
        throw error;
      throw new MofoError(
        'REQUIRE_FAILED',
        `a module imports "${id}", which is not installed in ${directory}. It was not loaded. Run: npm install ${id}`,
        { cause: error, data: { id } },
      );
    }
  };
}
