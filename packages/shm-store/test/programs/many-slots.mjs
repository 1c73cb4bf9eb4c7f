// Takes slots of a store until no more are given, says how many, and waits for the end of its input. Argument: name.
import { openSegments } from '@mofo/shm-store';

const stores = [];
let code = '';
while (code === '') {
  try {
    stores.push(openSegments({ name: process.argv[2] }));
  } catch (error) {
    code = error.code;
  }
}
console.log(JSON.stringify({ count: stores.length, code }));
process.stdin.resume();
