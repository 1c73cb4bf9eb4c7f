// Writes the same number into two counters, every value of a list, and by turns into one of two more counters, in one transaction after the other, for ever. Arguments: store, length of the list.
import { counter, f64, list, openStore } from '@mofo/journal';

const [name, length] = process.argv.slice(2);
const store = openStore({
  name,
  root: { left: counter(), right: counter(), even: counter(), odd: counter(), values: list(f64()) },
});
const { left, right, even, odd, values } = store.root;

for (let count = 0; ; count++) {
  store.transaction(() => {
    const value = left.value + 1;
    left.set(value);
    if (values.length === 0) for (let k = 0; k < Number(length); k++) values.push(value);
    else for (let k = 0; k < Number(length); k++) values.set(k, value);
    right.set(value);
    (value % 2 === 0 ? even : odd).set(value);
  });
  if (count === 1) console.log('{"ready":true}');
}
