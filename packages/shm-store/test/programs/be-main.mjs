// Takes the role of main and keeps it in the given way. Arguments: name, way: idle, loop (a synchronous run past its deadline), stopped (beats, until
// it is sent SIGSTOP), exit (ends by process.exit when told to).
import {
  CONTROL_SLOTS,
  openSegments,
  SLOT_BYTES,
  SLOT_DEADLINE,
  SLOT_HEARTBEAT,
  SLOT_HEARTBEAT_LIMIT,
  SLOT_LABEL,
  SLOT_RUN_STARTED,
  SLOT_RUNNING_SERIAL,
} from '@mofo/shm-store';

const [name, way] = process.argv.slice(2);
const store = openSegments({ name });
const acquired = store.tryAcquireRole();
const term = store.raiseTerm();
const at = CONTROL_SLOTS + store.slot * SLOT_BYTES;
const numbers = new Float64Array(store.control);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

if (way === 'stopped') {
  numbers[(at + SLOT_HEARTBEAT) / 8] = nowMs();
  numbers[(at + SLOT_HEARTBEAT_LIMIT) / 8] = 150;
  setInterval(() => {
    numbers[(at + SLOT_HEARTBEAT) / 8] = nowMs();
  }, 20);
}
console.log(JSON.stringify({ acquired, term, slot: store.slot }));
if (way === 'idle') setInterval(() => {}, 1000);
if (way === 'exit') process.stdin.once('data', () => store.close());
if (way === 'exit') process.stdin.once('data', () => process.stdin.destroy());
if (way === 'loop') {
  const label = new TextEncoder().encode('orders@3 charge');
  new Uint8Array(store.control).set(label, at + SLOT_LABEL + 4);
  new Uint32Array(store.control)[(at + SLOT_LABEL) / 4] = label.length;
  new Uint32Array(store.control)[(at + SLOT_RUNNING_SERIAL) / 4] = 12;
  numbers[(at + SLOT_RUN_STARTED) / 8] = nowMs();
  numbers[(at + SLOT_DEADLINE) / 8] = nowMs() + 200;
  for (;;);
}
