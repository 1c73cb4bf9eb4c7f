// Runs tasks of a store until it is killed. Arguments: store name, how effects are stored, and how often it looks for dead workers.
//   together   effect and completion in one transaction (as it should be)
//   apart      a planted bug: the effect is committed first, the completion after it
// Tasks whose payload says `announce` write a line while they are in the middle and wait to be killed, at their first attempt only.

import { writeSync } from 'node:fs';
import { f64, openStore, tree } from '@mofo/journal';
import { openScheduler } from '@mofo/scheduler';

const [name, mode, recoverEveryMs = '20'] = process.argv.slice(2);
const store = openStore({ name, create: false });
const { effects } = store.addRoots({ effects: tree(f64(), f64()) });

function stayToBeKilled(payload, context) {
  if (!payload.announce || context.attempt > 1) return;
  writeSync(1, `in ${context.taskId}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const add = (payload) => effects.set(payload.n, (effects.get(payload.n) ?? 0) + 1);

const together = (payload, context) => {
  add(payload);
  stayToBeKilled(payload, context);
};

const apart = async (payload, context) => {
  store.transaction(() => add(payload));
  stayToBeKilled(payload, context);
};

const asynchronous = async (payload, context) => {
  await new Promise((resolve) => setImmediate(resolve));
  context.complete(() => {
    add(payload);
    stayToBeKilled(payload, context);
  });
};

const scheduler = openScheduler(store, {
  tasks: { work: mode === 'apart' ? apart : together, late: asynchronous, claimed: together, completed: together },
  verdict: () => 'retry',
  // Two more moments at which to be killed: claimed and not begun; and completed, with the next task claimed ahead.
  around: (task, run) => {
    const stay = (phase) =>
      task.name === phase && stayToBeKilled({ announce: true }, { taskId: task.id, attempt: task.attempt });
    stay('claimed');
    const result = run();
    stay('completed');
    return result;
  },
});
writeSync(1, 'ready\n');
await scheduler.run({ recoverEveryMs: Number(recoverEveryMs) });
