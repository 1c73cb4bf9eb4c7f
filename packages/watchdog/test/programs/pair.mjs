// A program under a watchdog, as people write it: main works, its clone waits. Says what happens in lines of JSON.
//
//   pair.mjs <store> <options of openWatchdog as JSON> <what: work | close>
//
// As a clone in an environment with CLONE_DIES it ends at once.

import { writeSync } from 'node:fs';
import { openStore } from '@mofo/journal';
import { openWatchdog } from '@mofo/watchdog';

const [name, options, what] = process.argv.slice(2);
const say = (line) => writeSync(1, `${JSON.stringify({ pid: process.pid, ...line })}\n`);
if (process.env.CLONE_DIES !== undefined) process.exit(7);
const store = openStore({ name });
const guard = await openWatchdog({
  store,
  program: import.meta.url,
  ...JSON.parse(options),
  onEvent: ({ kind, ...details }) => say({ event: kind, ...details, childPid: details.pid, pid: process.pid }),
});
try {
  const takeover = await guard.takeover;
  say({ event: 'main', takeover });
} catch (error) {
  say({ event: 'takeover-refused', code: error.code });
  store.close();
  process.exit(0);
}
try {
  await guard.cloneReady();
} catch (error) {
  say({ event: 'no-clone', code: error.code });
}
if (what === 'close') {
  const run = guard.begin('one run', { taskId: 1 });
  run.end();
  await guard.close();
  store.close();
  say({ event: 'closed' });
} else {
  const run = guard.begin(`run of ${process.pid}`, { hangAfterMs: 0, taskId: process.pid });
  say({ event: 'running' });
  setInterval(() => {}, 1000);
  // The test ends it with a signal; end() is never reached.
  void run;
}
