// Adds up all balances for ever, without a lock, and ends with code 7 when they do not add up. Argument: store.
import { openStore } from '@mofo/journal';
import { ACCOUNT_COUNT, FIRST_BALANCE, roots } from './bank.mjs';

const store = openStore({ name: process.argv[2], root: roots });
const { accounts } = store.root;

for (let count = 0; ; count++) {
  const [sum, size] = store.read(() => {
    let balances = 0;
    let entries = 0;
    for (const { balance } of accounts.values()) {
      balances += balance;
      entries++;
    }
    return [balances, entries];
  });
  if (sum !== ACCOUNT_COUNT * FIRST_BALANCE || size !== ACCOUNT_COUNT) {
    console.error(`read ${count}: ${size} accounts with ${sum}`);
    process.exit(7);
  }
  if (count === 3) console.log('{"ready":true}');
}
