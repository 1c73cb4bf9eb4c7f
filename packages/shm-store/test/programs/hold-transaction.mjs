// Takes the write lock of a store and keeps it until it is killed. Argument: name.
import { openSegments } from '@mofo/shm-store';

const store = openSegments({ name: process.argv[2] });
store.transaction(() => {
  console.log(JSON.stringify({ holding: true }));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return 0;
});
