// Which entries of a tree a call is about: bounds, direction and limit, checked and encoded once.

import { JournalError } from '../errors.ts';
import { KeyBuffer } from './key-buffer.ts';
import type { KeyCodec } from './key-codec.ts';
import { probe } from './probe.ts';

/** What keys can begin with: of text a string, of bytes bytes, of tuples an array of the first elements; numbers have no prefixes. */
export type PrefixOf<K> = K extends string
  ? string
  : K extends Uint8Array
    ? Uint8Array
    : K extends readonly unknown[]
      ? readonly unknown[]
      : never;

/** A range of keys. Without bounds: all. */
export interface RangeOptions<K> {
  /** Keys after this one. */
  readonly gt?: K | undefined;
  /** Keys from this one on. */
  readonly gte?: K | undefined;
  /** Keys before this one. */
  readonly lt?: K | undefined;
  /** Keys up to this one. */
  readonly lte?: K | undefined;
  /** Keys that begin with this; instead of the four above. */
  readonly prefix?: PrefixOf<K> | undefined;
  /** From the last to the first. Default false. */
  readonly reverse?: boolean | undefined;
  /** Most entries; a whole number or Infinity. Default Infinity. */
  readonly limit?: number | undefined;
}

/** One end of a range. */
export interface Bound {
  readonly key: KeyBuffer;
  readonly inclusive: boolean;
}

/** A range, encoded. */
export interface Bounds {
  readonly lower: Bound | undefined;
  readonly upper: Bound | undefined;
  readonly reverse: boolean;
  readonly limit: number;
}

/** All entries, forwards. */
export const ALL: Bounds = { lower: undefined, upper: undefined, reverse: false, limit: Number.POSITIVE_INFINITY };

const NAMES: ReadonlySet<string> = new Set(['gt', 'gte', 'lt', 'lte', 'prefix', 'reverse', 'limit']);

/** Checks and encodes a range. Throws RANGE_INVALID, KEY_INVALID, KEY_TOO_LONG. */
export function encodeRange(codec: KeyCodec, range: RangeOptions<never>): Bounds {
  for (const name of Object.keys(range))
    if (!NAMES.has(name)) throw invalid(`there is no option ${JSON.stringify(name)}`);
  const {
    gt,
    gte,
    lt,
    lte,
    prefix,
    reverse = false,
    limit = Number.POSITIVE_INFINITY,
  } = range as RangeOptions<unknown>;
  if (typeof reverse !== 'boolean') throw invalid('reverse must be true or false');
  if (!(limit === Number.POSITIVE_INFINITY || (Number.isInteger(limit) && limit >= 0)))
    throw invalid('limit must be a whole number from 0');
  if (gt !== undefined && gte !== undefined) throw invalid('gt and gte exclude each other');
  if (lt !== undefined && lte !== undefined) throw invalid('lt and lte exclude each other');
  if (prefix === undefined) {
    const lower = encodeBound(codec, gte ?? gt, gt === undefined);
    return { lower, upper: encodeBound(codec, lte ?? lt, lt === undefined), reverse, limit };
  }
  if ((gt ?? gte ?? lt ?? lte) !== undefined) throw invalid('prefix stands instead of gt, gte, lt and lte');
  codec.encodePrefix(prefix, probe);
  const lower = { key: copyOf(probe), inclusive: true };
  const upper = probe.toSuccessor() ? { key: copyOf(probe), inclusive: false } : undefined;
  return { lower, upper, reverse, limit };
}

function encodeBound(codec: KeyCodec, key: unknown, inclusive: boolean): Bound | undefined {
  if (key === undefined) return undefined;
  codec.encode(key, probe);
  return { key: copyOf(probe), inclusive };
}

function copyOf(key: KeyBuffer): KeyBuffer {
  const copy = new KeyBuffer(key.length);
  copy.copyFrom(key);
  return copy;
}

function invalid(what: string): JournalError {
  return new JournalError('RANGE_INVALID', `The range cannot be used: ${what}. Nothing was read.`);
}
