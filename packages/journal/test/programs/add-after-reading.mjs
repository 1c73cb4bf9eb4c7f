// Adds 1 to a counter, so many times, each in a transaction that reads first and takes the lock at its first write. With "careless" a commit between
// the two goes unnoticed: the planted bug. Begins when so many programs are there, so that
// they run at the same time. Says how often a body ran again. Arguments: store, times, careless or careful, programs.
import { counter, openStore } from '@mofo/journal';

const [name, times, way, programs] = process.argv.slice(2);
const store = openStore({ name, root: { total: counter(), present: counter() } });
const { total, present } = store.root;
present.add(1);
const limit = performance.now() + 30_000;
while (present.value < Number(programs)) {
  if (performance.now() > limit) throw new Error(`only ${present.value} of ${programs} programs came`);
}
if (way === 'careless') {
  const { transactions, native } = store;
  transactions.native = {
    transaction: (body, lockLater) => native.transaction(body, lockLater),
    takeLock: () => {
      native.takeLock();
      transactions.readSequence = store.status.commitSequence;
    },
  };
}
let runs = 0;
for (let k = 0; k < Number(times); k++) {
  store.transaction(
    () => {
      runs++;
      total.set(total.value + 1);
    },
    { lock: 'first-write' },
  );
}
console.log(JSON.stringify({ again: runs - Number(times) }));
store.close();
