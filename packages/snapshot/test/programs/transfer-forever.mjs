// Moves money between random accounts until it is killed. Arguments: store, seed. Reports when it has begun.
import { counter, f64, openStore, text, tree } from '@mofo/journal';

const [name, seed] = process.argv.slice(2);
const store = openStore({ name, create: false, root: { accounts: tree(text(), f64()), transfers: counter() } });
const { accounts, transfers } = store.root;
let state = Number(seed);
const random = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state >>> 8) % below;
};
for (let round = 0; ; round++) {
  const from = `account-${random(100)}`;
  const to = `account-${random(100)}`;
  const amount = random(50);
  store.transaction(() => {
    accounts.set(from, accounts.get(from) - amount);
    accounts.set(to, accounts.get(to) + amount);
    transfers.add(1);
  });
  if (round === 100) process.stdout.write('{"began":true}\n');
}
