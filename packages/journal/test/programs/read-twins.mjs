// Waits for a line, says so, reads the twins once and tells what it saw and how long it took. Argument: store.
import { once } from 'node:events';
import { counter, f64, list, openStore } from '@mofo/journal';

const store = openStore({ name: process.argv[2], root: { left: counter(), right: counter(), values: list(f64()) } });
const { left, right, values } = store.root;
console.log('{"ready":true}');
await once(process.stdin, 'data');
const startMs = performance.now();
const seen = store.read(() => [left.value, right.value, values.get(0), values.get(-1)]);
console.log(JSON.stringify({ seen, waitedMs: performance.now() - startMs }));
process.stdin.destroy();
store.close();
