// Moves amounts between accounts in batches, so that their sum stays the same, deleting and making accounts all the time, until it is told to stop.
// Arguments: location, account count, seed.
import { MofoLevel } from '@mofo/level';

const [location, accountCount, seed] = process.argv.slice(2);
const db = new MofoLevel(location, { valueEncoding: 'json' });
await db.open();
console.log('{"ready":true}');

let stopped = false;
process.stdin.once('data', () => {
  stopped = true;
});

let state = Number(seed);
function random(limit) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

let moves = 0;
while (!stopped) {
  const [from, to] = [`account ${random(accountCount)}`, `account ${random(accountCount)}`];
  const balance = db.getSync(from);
  if (from !== to && balance !== undefined) {
    const amount = random(3) === 0 ? balance : random(balance + 1);
    const left = balance - amount;
    await db.batch([
      left === 0 ? { type: 'del', key: from } : { type: 'put', key: from, value: left },
      { type: 'put', key: to, value: (db.getSync(to) ?? 0) + amount },
    ]);
    moves++;
  }
  if (moves % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await db.close();
console.log(JSON.stringify({ moves }));
process.stdin.destroy();
