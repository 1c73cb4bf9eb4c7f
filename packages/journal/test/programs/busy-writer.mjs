// Writes as fast as it can for a while, each transaction holding the lock for so long; says how often it did and how long it waited for the lock. Waits for a
// line first, so that several begin together. Arguments: store, ms to write for, ms to hold.
import { once } from 'node:events';
import { counter, openStore } from '@mofo/journal';

const [name, forMs, holdMs] = process.argv.slice(2);
const store = openStore({ name, root: { total: counter() } });
const { total } = store.root;
const waits = [];
console.log('{"ready":true}');
await once(process.stdin, 'data');
const end = performance.now() + Number(forMs);
for (let now = performance.now(); now < end; now = performance.now()) {
  const asked = now;
  store.transaction(() => {
    const began = performance.now();
    waits.push(began - asked);
    while (performance.now() - began < Number(holdMs));
    total.add();
  });
}
waits.sort((left, right) => left - right);
console.log(
  JSON.stringify({ commits: waits.length, p99Ms: waits[Math.floor(waits.length * 0.99)], longestMs: waits.at(-1) }),
);
process.stdin.destroy();
store.close();
