// The range of an iterator or of clear(), as bytes.

import type { FormatValue } from './encoding.ts';
import { toBytes } from './encoding.ts';

/** What abstract-level hands over: encoded bounds, of which `gte` and `lte` go before `gt` and `lt`; a limit of -1 is none. */
export interface LevelRange {
  readonly gt?: FormatValue;
  readonly gte?: FormatValue;
  readonly lt?: FormatValue;
  readonly lte?: FormatValue;
  readonly reverse: boolean;
  readonly limit: number;
}

/** Where a walk over keys begins and ends. */
export interface KeyRange {
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse: boolean;
}

/** The range that the options describe; their limit is the caller's business. */
export function toKeyRange({ gt, gte, lt, lte, reverse }: LevelRange): KeyRange {
  return {
    ...(gte !== undefined ? { gte: toBytes(gte) } : gt !== undefined ? { gt: toBytes(gt) } : {}),
    ...(lte !== undefined ? { lte: toBytes(lte) } : lt !== undefined ? { lt: toBytes(lt) } : {}),
    reverse,
  };
}

/** The rest of a range: behind `key` in the walk's direction, or from it on. */
export function restOf(range: KeyRange, key: Uint8Array, inclusive: boolean): KeyRange {
  const { gt, gte, lt, lte, reverse } = range;
  if (reverse) {
    const upper = inclusive ? { lte: key } : { lt: key };
    return { ...(gte !== undefined ? { gte } : gt !== undefined ? { gt } : {}), ...upper, reverse };
  }
  const lower = inclusive ? { gte: key } : { gt: key };
  return { ...(lte !== undefined ? { lte } : lt !== undefined ? { lt } : {}), ...lower, reverse };
}

/** The rest of a range from `target` on; all of it, if the target lies before its beginning. */
export function seekIn(range: KeyRange, target: Uint8Array): KeyRange {
  const { gt, gte, lt, lte, reverse } = range;
  const start = reverse ? (lte ?? lt) : (gte ?? gt);
  if (start === undefined) return restOf(range, target, true);
  const order = Buffer.compare(target, start);
  const isInside = reverse ? order < 0 : order > 0;
  return isInside ? restOf(range, target, true) : range;
}
