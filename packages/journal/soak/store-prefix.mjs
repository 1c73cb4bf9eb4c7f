// A process may die after any single store. The shipped writers, JavaScript and C++, run over a real store with a hook on every store and nothing else changed; their
// stores are cut after every single one, recovery's own included, recovered by the shipped recovery, and what that leaves must be exactly the old or
// the new state. Counts that every store in the sources was cut. See lib/prefix-store.mjs.
//
// usage: pnpm soak store-prefix [--minutes N | --count STATES] [--seed S] [--quick] [--plant BUG] [--json]
// --quick tries every operation on every shape, but of long transactions only a part of the states: what npm test runs.

import { patchesOf } from './lib/planted-bugs.mjs';
import { runFresh } from './lib/prefix-fresh.mjs';
import { PrefixRun } from './lib/prefix-run.mjs';
import { declareRoots } from './lib/prefix-shapes.mjs';
import { judgeSites } from './lib/prefix-sites.mjs';
import { PrefixStore } from './lib/prefix-store.mjs';
import { atEnd, Rows, readOptions } from './lib/soak-cli.mjs';
import { buildVariant } from './lib/variant.mjs';

const options = readOptions('store-prefix', { minutes: 5 }, { plant: { type: 'string' } });
const { seed, quick, until } = options;
const effort = quick ? { seed, recoveryCuts: 1, statesMax: 60 } : { seed, recoveryCuts: 3 };
const countMax = options.count ?? Number.POSITIVE_INFINITY;
const rows = new Rows('store-prefix', options);

const variant = await buildVariant({
  hooks: true,
  patches: options.plant === undefined ? [] : patchesOf(options.plant),
});
const removeVariant = atEnd(variant.remove);
try {
  const lib = await variant.load();
  const cuts = { script: {}, native: {} };
  const add = (prefix) => {
    for (const [kind, found] of Object.entries(prefix.engine.cuts()))
      for (const [site, count] of Object.entries(found)) cuts[kind][site] = (cuts[kind][site] ?? 0) + count;
  };

  const fresh = { states: 0, problems: [] };
  if (options.plant === undefined)
    runFresh(lib, variant.addon, effort, (part, prefix) => {
      fresh.states += part.states;
      fresh.problems.push(...part.problems);
      add(prefix);
    });
  if (options.plant === undefined) rows.add('once-in-a-life', fresh.states, fresh.problems);

  const prefix = new PrefixStore(lib, variant.addon, { root: declareRoots(lib).roots });
  const closePrefix = atEnd(() => prefix.close());
  let states = fresh.states;
  const part = (name, run) => {
    const one = new PrefixRun(prefix, effort);
    run(one);
    states += one.states;
    rows.add(name, one.states, one.problems);
  };
  try {
    part('operations', (run) => run.runShapes());
    const isOver = () => states >= countMax || Date.now() > until;
    // Pairs and triples of each shape's operations in the order of the seed, a share in each round, until the time is over.
    part('sequences', (run) => {
      run.runShapes({ length: 2, share: quick ? 0.01 : 0.1 });
      run.runShapes({ length: 3, share: quick ? 0.001 : 0.01 });
      const before = states;
      while (
        !quick &&
        run.problems.length === 0 &&
        before + run.states < countMax &&
        Date.now() < until - (until - Date.now()) / 4
      ) {
        run.runShapes({ length: 2, share: 0.05, until });
        run.runShapes({ length: 3, share: 0.005, until });
        if (options.count === undefined && Date.now() > until) break;
      }
    });
    const before = states;
    part('random', (run) =>
      run.runRandom((turn) => turn >= (quick ? 40 : 400) && (quick || before + run.states >= countMax || isOver())),
    );
    add(prefix);
  } finally {
    closePrefix();
  }
  if (options.plant === undefined) {
    const { tried, missing } = judgeSites(variant.sites, lib.hook.siteUses, cuts);
    rows.add('store-sites', tried, missing);
  }
} finally {
  removeVariant();
}
rows.end();
