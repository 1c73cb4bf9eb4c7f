// Answers each ring of channel 10 with one of channel 11. Argument: name.
import { CONTROL_CHANNELS, openSegments } from '@mofo/shm-store';

const store = openSegments({ name: process.argv[2] });
const channels = new Uint32Array(store.control, CONTROL_CHANNELS, 64);
let seen = channels[10];
store.watchDoorbell(() => {
  if (channels[10] === seen) return;
  seen = channels[10];
  store.notify(11);
}, true);
console.log(JSON.stringify({ ready: true }));
