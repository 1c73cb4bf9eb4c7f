// What one process does with the store, and then ends. Each answers one line for the parent to judge.
import { openStore, ShmStoreError } from '@mofo/journal';
import { wordList } from './word-list.ts';

export const REGION_NAME = 'words';

/** One process's part. */
export interface StepReport {
  readonly words?: readonly string[];
  /** Where the region lay, as text. */
  readonly address?: string;
  readonly code?: string;
}

/** Makes the store with its region, and puts words into the list. */
export function make(name: string, words: readonly string[]): StepReport {
  const store = openStore({ name, sizeBytes: 16 * 2 ** 20 });
  const region = store.transaction(() => store.regions.create(REGION_NAME, 2 ** 20));
  store.transaction(() => {
    for (const word of words) wordList.insert(region.handle, word);
  });
  return { words: wordList.words(region.handle), address: String(wordList.address(region.handle)) };
}

/** Opens the store, follows the pointers that another process has stored, and adds to them. */
export function goOn(name: string, words: readonly string[]): StepReport {
  const store = openStore({ name, create: false });
  const region = store.regions.open(REGION_NAME);
  const found = wordList.words(region.handle);
  store.transaction(() => {
    for (const word of words) wordList.insert(region.handle, word);
  });
  return { words: found, address: String(wordList.address(region.handle)) };
}

/** Has something else at the store's address before it opens it. */
export function beInTheWay(name: string, address: bigint): StepReport {
  if (!wordList.occupy(address)) throw new Error('The address is taken already.');
  try {
    openStore({ name, create: false }).close();
    return { code: 'none' };
  } catch (error) {
    if (error instanceof ShmStoreError) return { code: error.code };
    throw error;
  }
}
