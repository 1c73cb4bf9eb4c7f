// How fast an export and a check of a bank are, in one process: node bench/export.mjs [accounts]. Prints MB of XML a second and blocks a second.

import { f64, openPrivateStore, Store, struct, text, tree } from '@mofo/journal';
import { checkStore, exportXml } from '@mofo/xml-export';

const count = Number(process.argv[2] ?? 200_000);
const Account = struct('Account', { owner: text(), balance: f64() });
const store = new Store('bench', openPrivateStore({ sizeBytes: 256 * 2 ** 20 }), { accounts: tree(text(), Account) });
for (let first = 0; first < count; first += 10_000) {
  store.transaction(() => {
    for (let n = first; n < Math.min(count, first + 10_000); n++) {
      store.root.accounts.set(`account ${n}`, { owner: `Owner number ${n}`, balance: n / 7 });
    }
  });
}
for (let round = 0; round < 3; round++) {
  let startMs = performance.now();
  const { blockCount, findingCount } = checkStore(store);
  const checkMs = performance.now() - startMs;
  startMs = performance.now();
  let bytes = 0;
  for await (const piece of exportXml(store)) bytes += piece.length;
  const exportMs = performance.now() - startMs;
  const rssBytes = process.memoryUsage().rss;
  console.log(
    `check ${Math.round((blockCount / checkMs) * 1000)} blocks/s (${findingCount} findings), ` +
      `export ${(bytes / 1e6 / (exportMs / 1000)).toFixed(1)} MB/s of ${(bytes / 1e6).toFixed(1)} MB, rss ${Math.round(rssBytes / 2 ** 20)} MiB`,
  );
}
