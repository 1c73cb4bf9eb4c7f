// Writes the same number into two counters and every value of a list, in one transaction after the other, for ever. Arguments: store, length of the list.
import { counter, f64, list, openStore } from '@mofo/journal';

const [name, length] = process.argv.slice(2);
const store = openStore({ name, root: { left: counter(), right: counter(), values: list(f64()) } });
const { left, right, values } = store.root;

for (let count = 0; ; count++) {
  store.transaction(() => {
    const value = left.value + 1;
    left.set(value);
    if (values.length === 0) for (let k = 0; k < Number(length); k++) values.push(value);
    else for (let k = 0; k < Number(length); k++) values.set(k, value);
    right.set(value);
  });
  if (count === 1) console.log('{"ready":true}');
}
