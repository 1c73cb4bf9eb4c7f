// Adds 1 to a counter, so many times, each time on its own. Arguments: store, times.
import { counter, openStore } from '@mofo/journal';

const [name, times] = process.argv.slice(2);
const store = openStore({ name, root: { total: counter() } });
console.log('{"ready":true}');
for (let k = 0; k < Number(times); k++) store.root.total.add();
store.close();
