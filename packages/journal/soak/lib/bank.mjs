// The bank of the soak of killed processes: accounts whose balances always add up to the same sum, beside things that are made and freed all the time. Writers move amounts
// in transactions of many kinds for ever, readers add everything up without a lock.

import { randomFrom } from './random.mjs';

export const ACCOUNT_COUNT = 40;
export const FIRST_BALANCE = 1000;
const HISTORY_LENGTH_MAX = 20;
export const BANK_SIZE_BYTES = 2 * 2 ** 20;

export function bankRoots({ journal: j }) {
  const Account = j.struct('Account', { owner: j.text(), balance: j.f64() });
  const Move = j.struct('Move', { from: j.text(), to: j.text(), amount: j.f64() });
  return {
    accounts: j.tree(j.text(), Account),
    history: j.queue(Move),
    notes: j.tree(j.f64(), j.text()),
    moves: j.counter(),
  };
}

export function fillBank(store) {
  store.transaction(() => {
    for (let k = 0; k < ACCOUNT_COUNT; k++)
      store.root.accounts.set(`account ${k}`, { owner: `owner ${k}`, balance: FIRST_BALANCE });
  });
}

class TakenBack extends Error {}

/** Returns a function that makes one transaction, or several single calls. */
export function makeWriter(store, seed) {
  const { accounts, history, notes, moves } = store.root;
  const pick = randomFrom(seed);

  const move = () => {
    const from = `account ${pick(ACCOUNT_COUNT)}`;
    const to = `account ${pick(ACCOUNT_COUNT)}`;
    const amount = pick(50);
    accounts.get(from).balance -= amount;
    accounts.get(to).balance += amount;
    history.push({ from, to, amount });
    if (history.length > HISTORY_LENGTH_MAX) history.shift();
    moves.add();
  };
  const replace = () => {
    const key = `account ${pick(ACCOUNT_COUNT)}`;
    const { balance } = accounts.get(key);
    accounts.delete(key);
    accounts.set(key, { owner: 'o'.repeat(pick(3000)), balance });
  };
  const note = () => {
    for (let k = pick(20); k >= 0; k--) {
      if (pick(2) === 0) notes.set(pick(300), 'n'.repeat(pick(200)));
      else notes.delete(pick(300));
    }
  };
  const failInside = () =>
    takenBack(() => {
      move();
      replace();
      note();
    });
  const takenBack = (body) => {
    try {
      store.transaction(() => {
        body();
        throw new TakenBack();
      });
    } catch (error) {
      if (!(error instanceof TakenBack)) throw error;
    }
  };
  const several = () => {
    for (let steps = 1 + pick(20); steps > 0; steps--) [move, move, replace, note, failInside][pick(5)]();
  };
  return () => {
    const kind = pick(8);
    if (kind === 0) takenBack(several);
    else if (kind === 1)
      note(); // single calls, each a transaction of its own
    else store.transaction(several);
  };
}

/** Returns a function that reads everything once and says what does not add up, or undefined. */
export function makeReader(store) {
  const { accounts, history, notes } = store.root;
  return () =>
    store.read(() => {
      let sum = 0;
      let count = 0;
      for (const { balance } of accounts.values()) {
        sum += balance;
        count++;
      }
      if (sum !== ACCOUNT_COUNT * FIRST_BALANCE || count !== ACCOUNT_COUNT) return `${count} accounts with ${sum}`;
      let last = Number.NEGATIVE_INFINITY;
      for (const key of notes.keys()) {
        if (!(key > last)) return `key ${key} comes after ${last}`;
        last = key;
      }
      if (history.length > HISTORY_LENGTH_MAX + 1) return `${history.length} moves are remembered`;
      return undefined;
    });
}

/** What is wrong with the bank under the write lock: sum, order, heap, leaks. */
export function checkBank(store, soundness) {
  const problems = [];
  try {
    const wrong = makeReader(store)();
    if (wrong !== undefined) problems.push(wrong);
    problems.push(...soundness(store));
  } catch (error) {
    problems.push(String(error.stack));
  }
  return problems;
}
