// The same tree, heap and shared memory as the subject mofo, over the door without a journal. Not a store: nothing in it survives a crash.
//
// (A store from `openPrivateStore` would not do: its memory is private, but every change still goes through the journal.)

import { journalKinds, type Tree, tree } from '@mofo/journal';
import { Catalog, type FieldType, f64, Heap, type Memory, openSegments } from '@mofo/shm-store';
import type { Peer, PeerContext } from './peer.ts';
import { PlainDoor } from './plain-door.ts';

/** What the type of a tree can do besides what the interface of field types says. */
interface MakesTrees {
  makeHeader(memory: Memory): number;
  open(memory: Memory, header: number): Tree<number, number>;
}

const GRANULE_BYTES = 16;

/** Opens it, for integer keys and numbers. */
export function openPlain({ quick, storeName }: PeerContext): Peer {
  const sizeBytes = quick ? 2 ** 24 : 2 ** 28;
  const segments = openSegments({ name: storeName, sizeBytes });
  const granules = sizeBytes / GRANULE_BYTES;
  segments.transaction(() => {
    segments.reserveMain(granules);
    return 0;
  });
  const door = new PlainDoor(segments, granules);
  const heap = new Heap(door);
  const run = <T>(body: () => T): T => body();
  const memory: Memory = { door, heap, catalog: new Catalog({ door, heap, run, kinds: journalKinds }), run };
  const type = tree(f64(), f64()) as FieldType<Tree<number, number>, undefined> as unknown as MakesTrees;
  const map = type.open(memory, type.makeHeader(memory));
  return {
    batch: (body) => body(),
    set: (key, value) => map.set(key as number, value as number),
    delete: (key) => map.delete(key as number),
    get: (key) => map.get(key as number),
    updateAmount: () => {
      throw new Error('The plain tree holds numbers.');
    },
    size: () => map.size,
    close: () => segments.close(),
  };
}
