// Says who it is and waits for the end of its input.
import { processStartTime } from '@mofo/shm-store';

console.log(JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) }));
process.stdin.resume();
