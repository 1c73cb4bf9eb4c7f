// Worker of the subject `node-cluster`: its task is to note when it began.

const [seconds, nanoseconds] = process.hrtime();
const startedAtMs = seconds * 1e3 + nanoseconds / 1e6;
console.log(JSON.stringify({ pid: process.pid, heirOf: Number(process.env.HEIR_OF), startedAtMs }));

export {};
