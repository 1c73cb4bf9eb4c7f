import type { StoreSegments } from '../../src/native-binding.ts';

export declare class RawCounter {
  constructor(store: StoreSegments);
  /** The number, or -1 if the granules do not all hold the same one. Only in a transaction, or while nobody writes. */
  get value(): number;
  /** Writes a number; the journal's length is what transaction() wants back. Only in a transaction. */
  write(value: number): number;
  /** One transaction that adds one. */
  add(): void;
  get sequence(): number;
  /** True if no slot has an open or marked transaction and the sequence is even. */
  get isAtRest(): boolean;
}
