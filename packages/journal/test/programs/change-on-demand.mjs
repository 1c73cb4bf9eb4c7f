// Changes what each line names: "total", "account" (a field of a record in a tree) or "other". Argument: store.
import { createInterface } from 'node:readline';
import { counter, f64, openStore, struct, text, tree } from '@mofo/journal';

const Account = struct('Account', { balance: f64() });
const store = openStore({
  name: process.argv[2],
  root: { accounts: tree(text(), Account), total: counter(), other: counter() },
});
const { accounts, total, other } = store.root;
console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
  store.transaction(() => {
    if (line === 'total') total.add();
    if (line === 'other') other.add();
    if (line === 'account') accounts.get('alice').balance += 1;
  });
  console.log(JSON.stringify({ changed: line }));
}
