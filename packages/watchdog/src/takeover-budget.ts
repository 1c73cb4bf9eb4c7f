// How often the role may be taken over by a clone. The budget must outlive its processes, for each takeover happens in another one: the
// times are kept in the store (root `watchdog.takeovers`).

import { json, type Store, type Tree, text, tree } from '@mofo/journal';
import { type BudgetAnswer, type BudgetWindow, RestartBudget } from './restart-budget.ts';

const KEY = 'times';

/** Counts the takeovers of all processes of one store. */
export class TakeoverBudget {
  private readonly store: Store;
  private readonly windows: { readonly burst?: BudgetWindow; readonly sustained?: BudgetWindow };
  private readonly entries: Tree<string, readonly number[]>;

  /** Makes the root if it is missing. */
  constructor(store: Store, windows: { readonly burst?: BudgetWindow; readonly sustained?: BudgetWindow }) {
    this.store = store;
    this.windows = windows;
    this.entries = store.addRoots({ 'watchdog.takeovers': tree(text(), json<readonly number[]>()) })[
      'watchdog.takeovers'
    ];
  }

  /** Spends one takeover at `nowMs` (since 1970, for the clock must go on over a reboot) in one transaction, or as part of the running one. */
  spend(nowMs: number): BudgetAnswer {
    return this.store.transaction(() => {
      const stored = this.entries.get(KEY);
      // The bytes are input: what is no list of numbers counts as none.
      const budget = new RestartBudget({ ...this.windows, spentAtMs: Array.isArray(stored) ? stored : [] });
      const answer = budget.spend(nowMs);
      if (answer.allowed) this.entries.set(KEY, budget.spentAtMs);
      return answer;
    });
  }
}
