// Spends tries of one version as fast as it can, with other processes doing the same, and announces each one that it was told to be
// durable. Tries that have run out are renewed by a quarantine and a retry, which also race.
//
//   many-changes.mjs <directory> <count> <plant: none | shared-lock | background>

import { unlinkSync, writeSync } from 'node:fs';
import { nodeFileSystem, openRegistry } from '@mofo/versions';

const [directory, countText, plant] = process.argv.slice(2);
/** The planted bug: the lock lets everybody in. */
const sharedLock = {
  ...nodeFileSystem,
  symlink(text, path) {
    try {
      unlinkSync(path);
    } catch {
      // nobody else is in
    }
    nodeFileSystem.symlink(text, path);
  },
};

const registry = openRegistry({
  directory,
  tries: 100,
  fileSystem: plant === 'shared-lock' ? sharedLock : nodeFileSystem,
});
const version = registry.list('fees')[0];
const expected = ['NO_TRIES_LEFT', 'ILLEGAL_TRANSITION'];
if (plant === 'shared-lock') expected.push('READ_ONLY', 'IO_ERROR', 'DIRECTORY_MISSING');

async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (!expected.includes(error.code)) throw error;
    return false;
  }
}

for (let done = 0; done < Number(countText); ) {
  if (await attempt(() => registry.spendTry(version))) {
    done += 1;
    writeSync(1, 's');
    continue;
  }
  if (plant === 'background') await registry.quarantineInBackground(version, `tries spent, says ${process.pid}`);
  else await attempt(() => registry.quarantine(version, 'tries spent'));
  await attempt(() => registry.retry(version, 'the test'));
}
