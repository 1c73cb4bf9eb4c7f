// Records every single store that the shipped JavaScript makes into a store's segments while a transaction runs, without changing that code: the
// typed arrays of one door are replaced by proxies that note each element written, in order. Calls into the addon are noted by the control
// words and page states they changed. Replaying the first k entries gives the bytes that a process killed after its k-th store leaves.

import type { StoreSegments } from '@mofo/shm-store';
import type { RedoDoor } from '../../src/redo/redo-door.ts';

export type SegmentName = 'main' | 'control' | 'journal' | 'undo';

/** One store (or one call's worth of words that no order is promised for). */
export interface Entry {
  readonly segment: SegmentName;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

type View = Int32Array | Uint32Array | Float64Array | Uint8Array;

/** Bulk copies are cut into pieces of this many bytes. */
const PIECE_BYTES = 256;

const proxies = new WeakMap<object, View>();

/** Node's own string readers and writers want real typed arrays. */
interface NativeStrings {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
}
const strings = Buffer.prototype as unknown as NativeStrings;
const { latin1Slice, ucs2Slice, latin1Write } = strings;
const viewOf = (bytes: Uint8Array): Uint8Array => (proxies.get(bytes) as Uint8Array | undefined) ?? bytes;
strings.latin1Slice = function (start, end): string {
  return latin1Slice.call(viewOf(this), start, end);
};
strings.ucs2Slice = function (start, end): string {
  return ucs2Slice.call(viewOf(this), start, end);
};
strings.latin1Write = function (text, offset, length): number {
  if (viewOf(this) === this) return latin1Write.call(this, text, offset, length);
  const copy = Buffer.alloc(length);
  latin1Write.call(copy, text, 0, length);
  this.set(copy, offset);
  return length;
};

export class Recorder {
  entries: Entry[] = [];
  recording = false;
  private readonly native: StoreSegments;
  private control = new Uint8Array(0);

  constructor(native: StoreSegments, door: RedoDoor) {
    this.native = native;
    const fields = door as unknown as Record<string, unknown>;
    const wrapAll = (views: readonly View[]): View[] => views.map((view) => this.wrap(view, 'main'));
    fields.windowWords = wrapAll(fields.windowWords as View[]);
    fields.windowFloats = wrapAll(fields.windowFloats as View[]);
    fields.windowBytes = wrapAll(fields.windowBytes as View[]);
    for (const name of ['journalWords', 'journalFloats', 'journalBytes'])
      fields[name] = this.wrap(fields[name] as View, 'journal');
    fields.undoWords = this.wrap(fields.undoWords as View, 'undo');
    for (const name of ['controlWords', 'controlFloats', 'pageStates'])
      fields[name] = this.wrap(fields[name] as View, 'control');
    fields.words = (fields.windowWords as View[])[0];
    fields.floats = (fields.windowFloats as View[])[0];
    fields.bytes = (fields.windowBytes as View[])[0];
    fields.native = this.wrapNative(native);
  }

  /** Begins a record. */
  start(): void {
    this.entries = [];
    this.control = this.controlBytes().slice();
    this.recording = true;
  }

  stop(): void {
    this.recording = false;
  }

  private wrap(view: View, segment: SegmentName): View {
    const note = (first: number, end: number): void => {
      if (!this.recording) return;
      const size = view.BYTES_PER_ELEMENT;
      const source = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      for (let at = first * size; at < end * size; at += PIECE_BYTES) {
        const bytes = source.slice(at, Math.min(at + PIECE_BYTES, end * size));
        this.entries.push({ segment, offset: view.byteOffset + at, bytes });
      }
    };
    const calls: Record<string, unknown> = {
      set: (source: ArrayLike<number>, at = 0): void => {
        view.set((proxies.get(source as object) ?? source) as ArrayLike<number>, at);
        note(at, at + source.length);
      },
      fill: (value: number, first = 0, end = view.length): void => {
        view.fill(value, first, end);
        note(first, end);
      },
      subarray: view.subarray.bind(view),
      slice: view.slice.bind(view),
    };
    const proxy = new Proxy(view, {
      get: (_target, key): unknown => {
        if (typeof key === 'string') {
          const index = Number(key);
          if (Number.isInteger(index)) return view[index];
          if (Object.hasOwn(calls, key)) return calls[key];
        }
        const value = Reflect.get(view, key, view) as unknown;
        if (typeof value === 'function') throw new Error(`the recorder does not know ${String(key)}()`);
        return value;
      },
      set: (_target, key, value: number): boolean => {
        const index = Number(key as string);
        if (!Number.isInteger(index)) throw new Error(`the recorder does not know a store to ${String(key)}`);
        view[index] = value;
        note(index, index + 1);
        return true;
      },
    });
    proxies.set(proxy, view);
    return proxy;
  }

  private wrapNative(native: StoreSegments): StoreSegments {
    return new Proxy(native, {
      get: (_target, key): unknown => {
        const value = Reflect.get(native, key, native) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          try {
            return (value as (...args: unknown[]) => unknown).apply(native, args);
          } finally {
            if (this.recording && key !== 'transaction') this.noteControl();
          }
        };
      },
    });
  }

  /** Notes what a call into the addon changed in control. Reads are cheap: stores of the test have one used slot. */
  private noteControl(): void {
    const now = this.controlBytes();
    for (let at = 0; at < now.length; at += 8) {
      let same = true;
      for (let k = at; k < at + 8; k++) if (now[k] !== this.control[k]) same = false;
      if (same) continue;
      const bytes = now.slice(at, at + 8);
      this.control.set(bytes, at);
      this.entries.push({ segment: 'control', offset: at, bytes });
    }
  }

  private controlBytes(): Uint8Array {
    return new Uint8Array(this.native.control);
  }
}
