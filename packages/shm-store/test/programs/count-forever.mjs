// Adds to a store's raw counter in one transaction after the other until it is killed; reports a counter that is not whole. Argument: name.
import { openSegments } from '@mofo/shm-store';
import { RawCounter } from './raw-counter.mjs';

const store = openSegments({ name: process.argv[2] });
const counter = new RawCounter(store);
console.log(JSON.stringify({ slot: store.slot }));
for (;;) {
  store.transaction(() => {
    if (counter.value < 0) console.log(JSON.stringify({ torn: true }));
    return counter.write(counter.value + 1);
  });
}
