// How many snapshots are open in a database, over all processes, and how many old values they keep: read past the package, from what is stored.

import { bytes, f64, openStore, optional, struct, tree, u32 } from '@mofo/journal';

const Snapshot = struct('LevelSnapshot', {
  slot: u32(),
  tid: u32(),
  startTime: f64(),
  before: tree(bytes(), optional(bytes())),
});

/** Counts what the database stores for snapshots. */
export function countSnapshots(location: string): { snapshots: number; kept: number } {
  const store = openStore({ name: location, create: false, root: { 'level.snapshots': tree(f64(), Snapshot) } });
  try {
    return store.read(() => {
      const records = [...store.root['level.snapshots'].values()];
      return { snapshots: records.length, kept: records.reduce((sum, { before }) => sum + before.size, 0) };
    });
  } finally {
    store.close();
  }
}
