// Stops itself inside a transaction, with the lock held. Argument: store.
import { counter, openStore } from '@mofo/journal';

const store = openStore({ name: process.argv[2], root: { total: counter() } });
store.transaction(() => {
  store.root.total.add(1000);
  process.kill(process.pid, 'SIGSTOP');
});
