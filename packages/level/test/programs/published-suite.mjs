// Runs the test suite that abstract-level publishes, as it is, and prints its TAP. Argument: implicit snapshots, true or false.
//
// Each database of the suite is a store of its own. A store is removed when its database has long been closed, and all at the end, so that memory stays bounded.
import { MofoLevel } from '@mofo/level';
import suite from 'abstract-level/test/index.js';
import test from 'tape';

const implicitSnapshots = process.argv[2] === 'true';
const KEPT_COUNT = 20;
const made = [];
let count = 0;

function factory(options) {
  const location = `level-suite-${process.pid}-${count++}`;
  const database = new MofoLevel(location, { sizeBytes: 2 ** 20, implicitSnapshots, ...options });
  made.push(database);
  const old = made.length > KEPT_COUNT ? made.findIndex(({ status }) => status === 'closed') : -1;
  if (old >= 0 && old < made.length - KEPT_COUNT) void MofoLevel.destroy(made.splice(old, 1)[0].location);
  return database;
}

suite({ test, factory });

test.onFinish(async () => {
  for (const { location } of made) await MofoLevel.destroy(location);
});
