// One contender for the role of main: says what becomes of it in lines of JSON, does what it is told in lines of JSON, and as main works in
// transactions that check that there is no other main.
//
//   member.mjs <store> <options of RoleKeeper as JSON> <plant: none | usurp-same-term | usurp-next-term | unfenced>
//
// The plants are the bugs that the check must find: a clone that takes the role without the lock (and so without anybody's confirmed death), with
// and without a new term, and a main whose transactions are not compared with the term.

import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { counter, json, openStore, text, tree } from '@mofo/journal';
import { CONTROL_TERM, SLOT_TERM } from '@mofo/shm-store';
import { createLabel, RoleKeeper } from '@mofo/watchdog';
import { slotViews } from '../../dist/slot-words.js';

const [name, options, plant] = process.argv.slice(2);
const store = openStore({
  name,
  root: { owner: tree(text(), json()), violations: tree(text(), json()), work: counter() },
});
const { owner, violations, work } = store.root;
const controlFloats = new Float64Array(store.native.control, 0, CONTROL_TERM / 8 + 1);
const ownFloats = slotViews(store.native, store.native.slot).floats;
const keeper = new RoleKeeper(store.native, {
  ...JSON.parse(options),
  onNotice: (notice) => say({ event: 'notice', ...notice }),
});
let term = 0;
let isWorking = false;

function say(line) {
  writeSync(1, `${JSON.stringify({ pid: process.pid, ...line })}\n`);
}

/** One piece of main's work, with the check. */
function workOnce() {
  try {
    store.transaction(() => {
      const last = owner.get('last');
      if (last !== undefined && (last.term > term || (last.term === term && last.pid !== process.pid))) {
        violations.set(String(violations.size), { last, term, pid: process.pid });
      }
      owner.set('last', { term, pid: process.pid });
      work.add(1);
    });
    if (isWorking) setImmediate(workOnce);
  } catch (error) {
    isWorking = false;
    say({ event: 'refused', code: error.code });
  }
}

function beMain(takeover) {
  term = takeover.term;
  if (plant === 'unfenced') ownFloats[SLOT_TERM / 8] = 0;
  workOnce();
  say({ event: 'main', takeover });
}

function spin() {
  for (;;);
}

const actions = {
  begin: ({ label, taskId = 0, hangAfterMs = 0, isAsync = false }) =>
    keeper.running.begin(createLabel(label), taskId, hangAfterMs, isAsync),
  'work-on': () => {
    isWorking = true;
    workOnce();
  },
  work: () => workOnce(),
  settle: () => keeper.settle(),
  spin,
  segv: () => process.kill(process.pid, 'SIGSEGV'),
  abort: () => process.abort(),
  exit: () => process.exit(3),
  throw: () =>
    setImmediate(() => {
      throw new Error('thrown by the test');
    }),
  end: () => {
    lines.removeAllListeners('close');
    lines.close();
    process.stdin.destroy();
  },
  'hold-write-lock': () =>
    store.transaction(() => {
      say({ event: 'holding' });
      spin();
    }),
  close: () => keeper.close(),
  'acquire-and-die': () => {
    store.native.tryAcquireRole();
    process.kill(process.pid, 'SIGKILL');
    spin();
  },
  usurp: () => {
    if (plant === 'usurp-next-term') controlFloats[CONTROL_TERM / 8] += 1;
    beMain({ term: controlFloats[CONTROL_TERM / 8] });
  },
};

const lines = createInterface({ input: process.stdin });
lines
  .on('line', (line) => {
    const command = JSON.parse(line);
    actions[command.do](command);
    say({ event: 'done', did: command.do });
  })
  // Whoever started it is gone.
  .on('close', () => process.kill(process.pid, 'SIGKILL'));

if (plant === 'bystander') {
  say({ event: 'bystander' });
} else {
  const takeover = keeper.contend();
  if (takeover !== undefined) beMain(takeover);
  else {
    const watching = keeper.watch();
    say({ event: 'clone' });
    watching.then(beMain, (error) => say({ event: 'watch-ended', code: error.code }));
  }
}
