// Moves amounts between accounts for ever, in transactions of many kinds. Arguments: store, seed, plant: `none`, or `around-the-door` (a planted bug: what
// was published is written in place, past the journal).
import { openStore } from '@mofo/journal';
import { ACCOUNT_COUNT, HISTORY_LENGTH_MAX, random, roots } from './bank.mjs';

const [name, seed, plant] = process.argv.slice(2);
const store = openStore({ name, root: roots });
const { accounts, history, moves } = store.root;
const pick = random(Number(seed));

if (plant === 'around-the-door') {
  const { door } = store.memory;
  const [main] = store.native.windows;
  const [words, floats, bytes] = [new Int32Array(main), new Float64Array(main), new Uint8Array(main)];
  door.own = (_block, chunk) => {
    Object.assign(door, { words, floats, bytes });
    return chunk << 2;
  };
}

function move() {
  const from = `account ${pick(ACCOUNT_COUNT)}`;
  const to = `account ${pick(ACCOUNT_COUNT)}`;
  const amount = pick(50);
  accounts.get(from).balance -= amount;
  accounts.get(to).balance += amount;
  history.push({ from, to, amount });
  if (history.length > HISTORY_LENGTH_MAX) history.shift();
  moves.add();
}

function replace() {
  const key = `account ${pick(ACCOUNT_COUNT)}`;
  const { balance } = accounts.get(key);
  accounts.delete(key);
  accounts.set(key, { owner: 'o'.repeat(pick(3000)), balance });
}

function failInside() {
  try {
    store.transaction(() => {
      move();
      replace();
      throw new Error('taken back');
    });
  } catch (error) {
    if (error.message !== 'taken back') throw error;
  }
}

function run() {
  for (let steps = 1 + pick(30); steps > 0; steps--) [move, move, replace, failInside][pick(4)]();
  if (pick(8) === 0) throw new Error('taken back');
}

for (let count = 0; ; count++) {
  try {
    store.transaction(run);
  } catch (error) {
    if (error.message !== 'taken back') throw error;
  }
  if (count === 3) console.log('{"ready":true}');
}
