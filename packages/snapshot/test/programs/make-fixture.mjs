// Makes test/fixtures/bank-format-<N>.mofo.gz. Run by hand, once per released format or layout: `node test/programs/make-fixture.mjs <file.gz>`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { counter, destroyStore, f64, openStore, text, tree } from '@mofo/journal';
import { openSnapshots } from '@mofo/snapshot';

const directory = mkdtempSync(join(tmpdir(), 'mofo-fixture-'));
const store = openStore({
  name: 'fixture',
  sizeBytes: 2 ** 20,
  root: { accounts: tree(text(), f64()), transfers: counter() },
});
const { accounts, transfers } = store.root;
store.transaction(() => {
  for (let i = 0; i < 100; i++) accounts.set(`account-${i}`, 100);
});
for (let i = 0; i < 3; i++) {
  store.transaction(() => {
    accounts.set(`account-${i}`, accounts.get(`account-${i}`) - 10);
    accounts.set(`account-${i + 50}`, accounts.get(`account-${i + 50}`) + 10);
    transfers.add(1);
  });
}
const { file } = await openSnapshots(store, { directory }).take();
writeFileSync(process.argv[2], gzipSync(readFileSync(file), { level: 9 }));
store.close();
destroyStore('fixture');
rmSync(directory, { recursive: true });
