// A location names a store: there are no paths, for the data lies in memory.

import { destroyStore } from '@mofo/journal';
import { MofoLevelError } from './level-error.ts';
import { guard } from './level-store.ts';

/** Options of `MofoLevel.destroy`. */
export interface DestroyOptions {
  /** Also while a living application of MOFO owns the store. Default false. */
  readonly force?: boolean | undefined;
}

const LOCATION = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Throws LEVEL_INVALID_LOCATION unless this can name a store. */
export function checkLocation(location: unknown): void {
  if (typeof location === 'string' && LOCATION.test(location)) return;
  throw new MofoLevelError(
    'LEVEL_INVALID_LOCATION',
    `A location is the name of a store, 1 to 64 letters, digits, "_" and "-", the first a letter or digit; not ${describe(location)}. Nothing was opened. ` +
      'It is no path: the data lies in shared memory.',
  );
}

/** Removes the store of that name. */
export function destroyDatabase(location: string, { force = false }: DestroyOptions): boolean {
  checkLocation(location);
  return guard(() => destroyStore(location, { force }));
}

function describe(location: unknown): string {
  return typeof location === 'string' ? JSON.stringify(location.slice(0, 100)) : `a value of type ${typeof location}`;
}
