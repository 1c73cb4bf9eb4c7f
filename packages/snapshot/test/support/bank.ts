// A bank: a hundred accounts of 100. Transfers never change the sum, so an image with another sum was not taken between two transactions.
import { readdirSync, rmSync } from 'node:fs';
import { counter, destroyStore, f64, openStore, type Store, text, tree } from '@mofo/journal';
import { openImage } from '../../src/index.ts';

export const ACCOUNT_COUNT = 100;
export const SUM = ACCOUNT_COUNT * 100;

/** The roots of a bank; a new declaration each time, as another program would have. */
export function bankRoot() {
  return { accounts: tree(text(), f64()), transfers: counter() };
}

export type Bank = Store<ReturnType<typeof bankRoot>>;

let count = 0;

/** A store name that belongs to this test process. */
export function uniqueName(): string {
  count++;
  return `test-${process.pid}-s${count}`;
}

/** Opens the bank of that name, making it and its accounts when it is not there. */
export function openBank(name: string, sizeBytes: number = 2 ** 20): Bank {
  const store = openStore({ name, sizeBytes, root: bankRoot() });
  if (store.root.accounts.size === 0) {
    store.transaction(() => {
      for (let i = 0; i < ACCOUNT_COUNT; i++) store.root.accounts.set(`account-${i}`, 100);
    });
  }
  return store;
}

/** Moves money; the sum stays. */
export function transfer(store: Bank, from: number, to: number, amount: number): void {
  const { accounts, transfers } = store.root;
  store.transaction(() => {
    accounts.set(`account-${from}`, (accounts.get(`account-${from}`) ?? 0) - amount);
    accounts.set(`account-${to}`, (accounts.get(`account-${to}`) ?? 0) + amount);
    transfers.add(1);
  });
}

/** The sum over all accounts of anything with a bank's roots. */
export function sumOf(accounts: Iterable<readonly [unknown, number]>): number {
  let sum = 0;
  for (const [, balance] of accounts) sum += balance;
  return sum;
}

/** Sum and number of transfers in an image. */
export async function imageSum(file: string): Promise<{ sum: number; transfers: number; size: number }> {
  const { view } = await openImage(file, { root: bankRoot() });
  return { sum: sumOf(view.root.accounts), transfers: view.root.transfers.value, size: view.root.accounts.size };
}

/** Destroys every store of this test process; for afterEach. */
export function destroyTestStores(): void {
  const prefix = `mofo.test-${process.pid}-`;
  for (const file of readdirSync('/dev/shm')) {
    if (!file.startsWith(prefix)) continue;
    const name = file.slice('mofo.'.length, file.lastIndexOf('.'));
    destroyStore(name, { force: true });
    rmSync(`/dev/shm/${file}`, { force: true });
  }
}

/** The code of what a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? String(error),
  );
}
