// Says who it is and waits for the end of its input.
import { processStartTime } from '../../dist/process.js';

console.log(JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) }));
process.stdin.resume();
