// Opens a store and says what it got; holds it until its input ends. Arguments: name, size in bytes (0: attach), moment to begin (monotonic ms).
import { monotonicMs, openSegments } from '@mofo/shm-store';

const [name, sizeBytes, beginAtMs = '0', ending = 'close'] = process.argv.slice(2);
while (monotonicMs() < Number(beginAtMs));
try {
  const store = openSegments(Number(sizeBytes) === 0 ? { name } : { name, sizeBytes: Number(sizeBytes) });
  const id = Buffer.from(store.windows[0], 24, 16).toString('hex');
  const controlId = Buffer.from(store.control, 16, 16).toString('hex');
  console.log(JSON.stringify({ created: store.created, slot: store.slot, id, controlId }));
  process.stdin.resume();
  process.stdin.on('end', () => {
    if (ending === 'close') store.close();
    if (ending === 'exit') process.exit();
  });
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
