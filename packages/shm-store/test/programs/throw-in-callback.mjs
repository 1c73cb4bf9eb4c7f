// Throws in the callback of a role watch and reports where the error arrives. Argument: name.
import { openSegments } from '@mofo/shm-store';

const store = openSegments({ name: process.argv[2] });
process.on('uncaughtException', (error) => {
  console.log(JSON.stringify({ uncaught: error.message }));
  store.close();
});
store.watchRole(
  () => {
    throw new Error('from the callback');
  },
  true,
  true,
);
