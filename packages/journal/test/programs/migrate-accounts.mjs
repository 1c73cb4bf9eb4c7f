// Migrates accounts from { owner, balance, note, history } to { owner, cents, note, history, opened } "piecemeal" gives every record a transaction of
// its own: the planted bug. Kills itself at the n-th record. Arguments: store, whole or piecemeal, n or 0.
import { f64, i32, list, openStore, struct, text, tree } from '@mofo/journal';
import { rewriteRecord } from '@mofo/shm-store';

const [name, way, killAt] = process.argv.slice(2);
const Account = struct('Account', { owner: text(), cents: i32(), note: text(), history: list(f64()), opened: f64() });
let records = 0;
const change = (old) => {
  if (++records === Number(killAt)) process.kill(process.pid, 'SIGKILL');
  return { ...old, cents: Math.round(old.balance * 100), note: `${old.note}, migrated` };
};
const store = openStore({ name, root: { accounts: tree(text(), Account) } });
if (way === 'whole') store.migrate({ 'Account:1': change });
else {
  const { memory } = store;
  const layoutId = memory.catalog.declareBreaking(Account, 8);
  // What store.migrate does, but for the one transaction around it.
  const { findRecords } = await import('../../dist/migrate/find-records.js');
  const old = memory.catalog.layoutsOf('Account').at(-1).layoutId;
  for (const block of store.transaction(() => findRecords(memory, new Set([old]))))
    store.transaction(() => rewriteRecord(memory, block, Account, layoutId, change));
}
store.close();
