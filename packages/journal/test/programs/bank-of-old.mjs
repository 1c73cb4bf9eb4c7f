// A program that knows accounts as { owner, balance, note, history } and adds 1 to the balance of each, again and again, until a line says "end". Argument: store.
import { once } from 'node:events';
import { f64, list, openStore, struct, text, tree } from '@mofo/journal';

const Account = struct('Account', { owner: text(), balance: f64(), note: text(), history: list(f64()) });
const store = openStore({ name: process.argv[2], root: { accounts: tree(text(), Account) } });
const { accounts } = store.root;
let ending = false;
once(process.stdin, 'data').then(() => {
  ending = true;
});
let rounds = 0;
console.log('{"ready":true}');
while (!ending) {
  store.transaction(() => {
    for (const account of accounts.values()) account.balance += 1;
  });
  rounds++;
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(JSON.stringify({ rounds }));
process.stdin.destroy();
store.close();
