// Run in a private mount namespace: a /dev/shm that holds one store but not two. Argument: an image.
import { execFileSync } from 'node:child_process';
import { readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { counter, f64, openStore, text, tree } from '@mofo/journal';
import { restoreStore } from '@mofo/snapshot';

const [file] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=1777', 'tmpfs', '/dev/shm']);
const codeOf = (promise) =>
  promise.then(
    () => 'restored',
    (error) => error.code ?? String(error),
  );
const root = { accounts: tree(text(), f64()), transfers: counter() };

await restoreStore({ file, name: 'living' });
const store = openStore({ name: 'living', create: false, root });
store.root.transfers.add(1);
const { bavail, bsize } = statfsSync('/dev/shm');
writeFileSync('/dev/shm/filler', Buffer.alloc(bavail * bsize - 2 ** 20));
const missing = await codeOf(restoreStore({ file, name: 'missing' }));
const leftMissing = readdirSync('/dev/shm').filter((name) => name.includes('missing'));
const forced = await codeOf(restoreStore({ file, name: 'living', force: true }));
store.root.transfers.add(0);
let sum = 0;
for (const [, balance] of store.root.accounts) sum += balance;
console.log(JSON.stringify({ missing, leftMissing, forced, transfers: store.root.transfers.value, sum }));
store.close();
