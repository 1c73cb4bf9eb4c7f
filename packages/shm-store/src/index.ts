// Named shared-memory segments that outlive every process, with a crash-safe heap, typed records and robust locks.
export {};
