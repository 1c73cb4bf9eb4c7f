// Finds shared memory segments that a test or an example left behind. A segment outlives its processes on purpose, so
// only its maker can remove it: a forgotten one takes memory until the next reboot.
import { readdirSync, readFileSync, rmSync } from 'node:fs';

const folder = '/dev/shm';

/** Names of the MOFO segments that exist now. */
export function listSegments() {
  return new Set(readdirSync(folder).filter((name) => name.startsWith('mofo.')));
}

/**
 * Removes the segments that came since `before`, except those of a store that a living process still has mapped.
 * @param {ReadonlySet<string>} before from listSegments()
 * @returns {string[]} one sentence per leftover
 */
export function removeLeftovers(before) {
  const added = [...listSegments()].filter((name) => !before.has(name));
  if (added.length === 0) return [];
  const holders = findHolders(added);
  return added.map((name) => {
    const pids = holders.get(storeOf(name));
    if (pids !== undefined)
      return `${folder}/${name}: its store is still held by process ${[...pids].join(', ')}; not removed`;
    rmSync(`${folder}/${name}`, { force: true });
    return `${folder}/${name} was left behind; removed`;
  });
}

/** The files of one store differ in their last part: mofo.<store>.main, .backup, .control, .lock. */
function storeOf(name) {
  return name.slice(0, name.lastIndexOf('.'));
}

/** Which processes have which stores mapped: store → process ids. */
function findHolders(names) {
  const holders = new Map();
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const maps = readMaps(pid);
    for (const name of names.filter((name) => maps.includes(`${folder}/${name}\n`))) {
      const store = storeOf(name);
      holders.set(store, (holders.get(store) ?? new Set()).add(pid));
    }
  }
  return holders;
}

function readMaps(pid) {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch (error) {
    // The process ended meanwhile, or belongs to another user, who has no segments of ours.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return '';
    throw error;
  }
}
