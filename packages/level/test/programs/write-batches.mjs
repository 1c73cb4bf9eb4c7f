// Writes batches until it is killed: batch n sets all keys to n. Arguments: location, key count, mode.
//   batch   array and chained batches in turn, every third time with an iterator left open in the middle
//   puts    a planted bug: one put for each key
import { MofoLevel } from '@mofo/level';

const [location, keyCount, mode] = process.argv.slice(2);
const db = new MofoLevel(location, { valueEncoding: 'json' });
await db.open();
const keys = Array.from({ length: Number(keyCount) }, (_, k) => `key ${k}`);
console.log('{"ready":true}');

for (let n = (await db.get(keys[0])) ?? 0; ; n++) {
  if (mode === 'puts') {
    for (const key of keys) await db.put(key, n);
  } else if (n % 2 === 0) {
    await db.batch(keys.map((key) => ({ type: 'put', key, value: n })));
  } else {
    const batch = db.batch();
    for (const key of keys) batch.put(key, n);
    await batch.write();
  }
  if (mode === 'batch' && n % 3 === 0) {
    const iterator = db.iterator();
    await iterator.next();
    if (n % 30 !== 0) await iterator.close();
  }
  if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
