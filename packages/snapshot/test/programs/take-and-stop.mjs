// Takes a snapshot and, at a given phase, says so and waits to be killed, without running anything else. Arguments: store, directory, phase
// (`none`: take one and end; `race`: announce the copy and go on into it).
import { writeSync } from 'node:fs';
import { openStore } from '@mofo/journal';
import { openSnapshots } from '@mofo/snapshot';

const [name, directory, stopAt] = process.argv.slice(2);
const store = openStore({ name, create: false });
const snapshots = openSnapshots(store, { directory, keep: 100 });
try {
  const taken = await snapshots.take({
    onProgress({ phase, bytesDone }) {
      if (phase === 'copy' && stopAt === 'race') writeSync(1, '{"phase":"copy"}\n');
      if (phase !== stopAt || (phase === 'write' && bytesDone === 0)) return;
      writeSync(1, `${JSON.stringify({ phase })}\n`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  });
  console.log(JSON.stringify({ id: taken.id, file: taken.file }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
store.close();
