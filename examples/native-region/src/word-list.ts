// The addon (native/word-list.cc), as TypeScript sees it.
import { createRequire } from 'node:module';

/** A list of words in a native region, kept with raw pointers. */
export interface WordList {
  /** Puts a word at the head of the list; inside store.transaction(). */
  insert(region: object, word: string): void;
  /** All words, the newest first. */
  words(region: object): string[];
  /** Where the region lies. */
  address(region: object): bigint;
  /** Maps something else there in this process. */
  occupy(address: bigint): boolean;
}

export const wordList: WordList = createRequire(import.meta.url)('../native/build/Release/word_list.node') as WordList;
