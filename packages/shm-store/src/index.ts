// Named shared-memory segments that outlive every process, with a crash-safe heap, typed records and robust locks.

export type { Door } from './door.ts';
export { Heap, PAYLOAD_MAX_BYTES } from './heap/heap.ts';
export { ShmStoreError, type ShmStoreErrorCode } from './errors.ts';
export * from './layout.ts';
export type { Memory } from './memory.ts';
export type { NativeStore } from './native-binding.ts';
export { openPrivateStore } from './private-store.ts';
export { readSection } from './read-section.ts';
