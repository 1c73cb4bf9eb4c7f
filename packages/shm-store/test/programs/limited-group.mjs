// Moves itself into a memory cgroup (v1) with a limit and reserves until it is refused. Arguments: the group's folder.
import { writeFileSync } from 'node:fs';
import { openSegments } from '@mofo/shm-store';

const [group, name] = process.argv.slice(2);
writeFileSync(`${group}/cgroup.procs`, String(process.pid));
const store = openSegments({ name, sizeBytes: 256 * 2 ** 20 });
const reserved = new Uint32Array(store.control, 448, 1);
const report = {};
try {
  for (;;) {
    store.transaction(() => {
      store.reserveMain(reserved[0] + 1);
      return 0;
    });
  }
} catch (error) {
  report.code = error.code;
}
report.reservedBytes = reserved[0] * 16;
console.log(JSON.stringify(report));
store.close();
