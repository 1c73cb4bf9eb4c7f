// Coherent snapshots of a running shared-memory store, written to disk in the background, and their restore.
export {};
