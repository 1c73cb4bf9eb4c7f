// Opens a store and gives its free memory back; prints the report. Arguments: store. Opening a file named cut-from-here, which need not be there, says that
// the trim begins.
import { existsSync, openSync } from 'node:fs';
import { openSegments } from '@mofo/shm-store';

const [name] = process.argv.slice(2);
const store = openSegments({ name });
try {
  openSync('/dev/shm/cut-from-here', 'r');
} catch (error) {
  if (error.code !== 'ENOENT' || existsSync('/dev/shm/cut-from-here')) throw error;
}
console.log(JSON.stringify(store.trim()));
store.close();
