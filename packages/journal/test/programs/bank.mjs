// The store of the crash test: accounts whose balances always add up to the same sum, beside things that are made and freed all the time.
import { counter, f64, queue, struct, text, tree } from '@mofo/journal';

export const ACCOUNT_COUNT = 40;
export const FIRST_BALANCE = 1000;
export const HISTORY_LENGTH_MAX = 20;

export const Account = struct('Account', { owner: text(), balance: f64() });
export const Move = struct('Move', { from: text(), to: text(), amount: f64() });

export const roots = {
  accounts: tree(text(), Account),
  history: queue(Move),
  moves: counter(),
};

/** A small random generator, so that a seed replays a program's choices. */
export function random(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
