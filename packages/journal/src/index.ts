// Atomic transactions over a shared-memory object store: a redo journal with trees, lists and counters.
export {};
