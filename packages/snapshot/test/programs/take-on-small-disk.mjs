// Run in a private mount namespace: a disk that holds one image but not two. Argument: a store.
import { execFileSync } from 'node:child_process';
import { readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { openStore } from '@mofo/journal';
import { openSnapshots } from '@mofo/snapshot';

const [name] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', '/mnt']);
const store = openStore({ name, create: false });
const snapshots = openSnapshots(store, { directory: '/mnt' });
const codeOf = (promise) =>
  promise.then(
    () => 'taken',
    (error) => error.code ?? String(error),
  );
const first = await snapshots.take();
const { bavail, bsize } = statfsSync('/mnt');
writeFileSync('/mnt/filler', Buffer.alloc(bavail * bsize - 8192));
const full = await codeOf(snapshots.take());
const files = readdirSync('/mnt').filter((file) => file !== 'filler').length;
execFileSync('mount', ['-o', 'remount,ro', '/mnt']);
const readOnly = await codeOf(snapshots.take());
const good = (await snapshots.newestGood())?.id === first.id;
console.log(JSON.stringify({ full, files, readOnly, good }));
store.close();
