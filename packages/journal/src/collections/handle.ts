// A handle is a header block and its birth stamp: when the collection is deleted, the stamp is gone, and the handle says so.

import { type Memory, ShmStoreError } from '@mofo/shm-store';

/** Throws DANGLING_REF unless the header is the live block the handle was made for, CORRUPT if it has become another kind of block. */
export function requireHandle(memory: Memory, header: number, stamp: number, layoutId: number, kind: string): void {
  if (memory.heap.isLive(header, stamp)) memory.heap.check(header, layoutId);
  else {
    throw new ShmStoreError(
      'DANGLING_REF',
      `The ${kind} at granule ${header >>> 0} has been deleted. Nothing was changed. Read it again from where it belongs.`,
    );
  }
}

/** The error for a value whose making changed the very collection it was made for. The transaction must not go on; the error rolls it back. */
export function reentrant(kind: string): ShmStoreError {
  return new ShmStoreError(
    'INVALID_VALUE',
    `Making a value for a ${kind} changed that ${kind} itself. Roll the transaction back; read the value's parts first.`,
  );
}
