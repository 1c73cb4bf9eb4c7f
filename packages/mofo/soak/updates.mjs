// Saves a module 10,000 times under `mofo dev` and looks whether anything of the replaced versions stays: in the heap and memory of main, in the clone, which
// takes up each as it becomes stable, in the launcher, which builds them, and on disk. Each version is asked over HTTP before the next is saved.
//
// usage: pnpm soak updates [--minutes N | --count UPDATES] [--quick] [--json]
// --quick is what the tests run: 60 updates, of which the first third settles what a young process still grows by, and heaps only: what is resident settles later.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd, Rows, readOptions } from '../../journal/soak/lib/soak-cli.mjs';
import { UpdatedApp } from './lib/updated-app.mjs';

/** Growth in bytes that is still flat. */
const GROWTH_MAX_BYTES = 10 * 2 ** 20;

const options = readOptions('updates', { count: 10_000 });
const count = options.quick && process.argv.every((word) => !word.startsWith('--count')) ? 60 : options.count;
const settleCount = options.quick ? Math.ceil(count / 3) : Math.min(Math.ceil(count / 3), 1_000);
const rows = new Rows('updates', options);
const app = new UpdatedApp();
const end = atEnd(() => app.abandon());

const wrong = [];
let updates = 0;
let before;
let after;
let versions = 0;
try {
  await app.start();
  for (; updates < count && Date.now() < options.until; updates++) {
    if (updates === settleCount) before = await app.measure();
    const problem = await app.update(updates + 1);
    if (problem !== undefined) wrong.push(problem);
    if ((updates + 1) % 500 === 0) progress(updates + 1, await app.measure());
  }
  after = await app.measure();
  versions = readdirSync(join(app.directory, '.mofo', 'versions', 'subject', 'bundles')).length;
} finally {
  await app.cleanUp();
  end();
}

rows.add('updates', updates, wrong);
for (const who of ['main', 'clone', 'launcher']) {
  for (const what of options.quick ? ['heap'] : ['heap', 'rss'])
    rows.add(`growth.${who}.${what}`, updates - settleCount, grown(who, what));
}
rows.add('bundles-on-disk', updates, versions <= 100 ? [] : [`${versions} bundles are kept of ${updates}`]);
rows.end();

function grown(who, what) {
  const [from, to] = [before[who][what], after[who][what]];
  console.error(
    `${who} ${what}: ${mib(from)} MiB after ${settleCount} updates, ${mib(to)} after ${updates}: ${mib(to - from)} more`,
  );
  if (before.pids.join() !== after.pids.join()) return [`the processes have changed: ${before.pids} to ${after.pids}`];
  return to - from <= GROWTH_MAX_BYTES ? [] : [`${mib(to - from)} MiB more after ${updates - settleCount} updates`];
}

function progress(done, { main, clone, launcher }) {
  const held = Object.entries({ main, clone, launcher }).map(
    ([who, { heap, rss }]) => `${who} ${mib(heap)} / ${mib(rss)}`,
  );
  console.error(`${done}: heap / resident MiB: ${held.join(', ')}`);
}

function mib(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}
