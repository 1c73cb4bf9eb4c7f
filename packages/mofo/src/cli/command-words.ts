// Errors of the packages below speak to whoever calls their functions: "pass { force: true }". Who types a command wants the command: the one place where
// advice is put into its words. What happened stays as it was said.

import { ShmStoreError } from '@mofo/shm-store';
import { SnapshotError } from '@mofo/snapshot';

/** What to do next, in commands, by code; of the store and its memory. */
const storeAdvice: Readonly<Record<string, string>> = {
  NOT_FOUND:
    'Nothing was done. The app has not run yet, or its store was removed: npx mofo dev makes it, npx mofo restore brings back the newest snapshot.',
  STORE_EXISTS: 'Nothing was changed. To replace it and lose all that came after the image: npx mofo restore --force',
  STORE_BUSY: 'It was left as it is. Stop the app first, or end it with its store: npx mofo destroy --yes --force',
  STORE_INCOMPLETE: 'It was not touched. If you do not need what is left of it: npx mofo destroy --yes --force',
  SIZE_MISMATCH: 'It was not touched. Leave store.sizeBytes out of the config to go on with it as it is.',
  PORT_IN_USE: 'Stop the program that has it, or choose another: --port <number>, or http.port in the config.',
  ADDRESS_UNAVAILABLE: 'Correct http.host in the config; 127.0.0.1 is this machine alone.',
  UNSAFE_MODE: 'It was not touched. If nobody else wrote to it: chmod 600 its files in /dev/shm.',
};

/** The same of images. */
const imageAdvice: Readonly<Record<string, string>> = {
  NO_SNAPSHOT: 'Nothing was changed. See: npx mofo snapshots',
  NOT_FOUND: 'Nothing was changed. See: npx mofo snapshots',
  DIRECTORY_MISSING:
    'Nothing was changed. There are no snapshots yet: npx mofo snapshot takes one while there is a store.',
};

/** The same error in the words of the command line; others come back as they are. */
export function inCommandWords(error: unknown): unknown {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string') return error;
  if (error instanceof ShmStoreError) {
    const advice = storeAdvice[code];
    return advice === undefined
      ? error
      : new ShmStoreError(error.code, reworded(error, advice), { cause: error, data: error.data });
  }
  if (error instanceof SnapshotError) {
    const advice = imageAdvice[code];
    return advice === undefined ? error : new SnapshotError(error.code, reworded(error, advice), { cause: error });
  }
  return error;
}

/** What happened is the first line; state and advice are below it. */
function reworded(error: Error, advice: string): string {
  return `${error.message.split('\n')[0]}\n  ${advice}`;
}
