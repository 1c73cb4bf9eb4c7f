// Runs one cell of the matrix for real, and fails with what does not hold.

import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import type { SubjectBodies } from '../runtime/support/modules.ts';
import { resetOnly } from '../runtime/support/reset-only.ts';
import { type Before, CellApp, lingers, once } from './cell-app.ts';
import { type FaultKind, faultKind } from './fault-kinds.ts';
import type { Place, RealCell } from './matrix.ts';

/** How long code that lingers keeps main busy, in ms: longer than a signal takes, shorter than the hang deadline of those cells. */
const LINGER_MS = 400;

/** Runs a cell. */
export async function runCell(cell: RealCell): Promise<void> {
  const kind = faultKind(cell.fault);
  const cellApp = new CellApp(goodBodies(cell, kind), configOf(cell, kind));
  try {
    await cellApp.start();
    await run(cell, kind, cellApp);
  } finally {
    await cellApp.end();
  }
}

async function run(cell: RealCell, kind: FaultKind, cellApp: CellApp): Promise<void> {
  switch (cell.victim) {
    case 'main':
      if (cell.place === 'migrate') return strikeMigration(cell, kind, cellApp);
      return cell.place === 'stop' ? strikeStop(cell, kind, cellApp) : strikeMain(cell, kind, cellApp);
    case 'clone':
      return cell.place === 'stop' ? strikeCloneAtStop(cellApp) : strikeClone(cell, cellApp);
    case 'launcher':
      return strikeLauncher(cell, kind, cellApp);
    case 'worker':
      throw new Error('there are no workers');
  }
}

/** A new version has the fault in load, start, task or handler. */
async function strikeMain(cell: RealCell, kind: FaultKind, cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  const before = await cellApp.load();
  const bodies = faultyBodies(cell.place, kind.code);
  const id = await (cell.place === 'task' || cell.place === 'handler' ? cellApp.goLive : cellApp.save).call(
    cellApp,
    'bad',
    bodies,
  );
  if (cell.place === 'task') await app.get('/work/interrupted', 'POST').catch(resetOnly);
  if (cell.place === 'handler') await strikeHandler(cell, cellApp);
  const verdict = await app.waitFor(({ kind, version }) => kind === 'unstable' && version === id, before.since);
  match(verdict.message ?? '', kind.reason);
  match(verdict.message ?? '', placeInReason(cell.place, kind));
  if (cell.place === 'task') {
    const done = await cellApp.work('interrupted');
    // A rejection comes when the task has ended, and its effect with it.
    deepEqual(done, [cell.fault === 'unhandled rejection' ? 'bad' : 'good']);
  }
  await expectAfter(cell, before, cellApp);
  equal((await cellApp.ask())?.mark, 'good');
  equal((await app.version('subject', id)).state, 'unstable');
  match((await app.version('subject', id)).reason, kind.reason);
  await cellApp.expectUnharmed();
}

async function strikeHandler({ outcome }: RealCell, cellApp: CellApp): Promise<void> {
  if (outcome !== 'answered') {
    await cellApp.ask();
    return;
  }
  for (let n = 0; n < 3; n++) equal((await cellApp.ask())?.status, 500);
}

/** A version that changes the form of records has the fault where it migrates one; an operator says that it is to be run. */
async function strikeMigration(cell: RealCell, kind: FaultKind, cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  const id = await cellApp.saveMigration(kind.code);
  const before = await cellApp.load();
  const { code, errorCode } = await app.command('migrate', 'people');
  if (cell.outcome === 'died-after') {
    await app.waitFor(({ data }) => data?.role === 'main' && data.ready === true, before.since);
    await app.bothReady();
    notEqual((await cellApp.status()).pid, before.main);
    await cellApp.expectPeople('birthYear');
    await cellApp.expectUnharmed();
    return;
  }
  notEqual(code, 0);
  const now = await app.bothReady();
  if (cell.outcome === 'refused') {
    match(errorCode ?? '', /^[A-Z_]+$/);
    equal(now.main, before.main);
  } else {
    const verdict = await app.waitFor(({ kind, version }) => kind === 'unstable' && version === id, before.since);
    match(verdict.message ?? '', kind.reason);
    notEqual(now.main, before.main);
    equal((await cellApp.status()).store.term, before.term + 1);
  }
  await cellApp.expectPeople('age');
  await cellApp.expectUnharmed();
}

/** The version that is replaced has the fault in its stop hook: it was stable, so it is not judged, and neither is what replaced it. */
async function strikeStop(cell: RealCell, kind: FaultKind, cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  const before = await cellApp.load();
  cellApp.arm();
  const id = await cellApp.goLive('next', {});
  await cellApp.struck();
  if (cell.outcome === 'told') {
    const told = await app.waitFor(({ kind, module }) => kind === 'warning' && module === 'subject', before.since);
    match(told.message ?? '', kind.reason);
    match(told.message ?? '', /stop/);
  }
  await expectAfter(cell, before, cellApp);
  await app.waitFor(({ kind, version }) => kind === 'stable' && version === id, before.since);
  equal((await cellApp.ask())?.mark, 'next');
  deepEqual(judged(cellApp, before), []);
  await cellApp.expectUnharmed();
}

/** The clone that is started after the death of another one has the fault, once. */
async function strikeClone(cell: RealCell, cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  const before = await cellApp.load();
  cellApp.arm();
  process.kill(before.clone, 'SIGKILL');
  await cellApp.struck();
  if (cell.outcome === 'next-clone') {
    // That of the first clone, and that of the struck one.
    await app.until(
      () => app.events.slice(before.since).filter(({ kind }) => kind === 'crash').length === 2,
      'two processes ended',
    );
  } else {
    await app.waitFor(({ kind, module }) => kind === 'warning' && module === 'subject', before.since);
  }
  const now = await app.bothReady();
  equal(now.main, before.main);
  notEqual(now.clone, before.clone);
  equal((await cellApp.status()).store.term, before.term);
  // What it could not load while it stood by it loads when it takes over.
  process.kill(before.main, 'SIGKILL');
  await app.waitFor({ kind: 'takeover' }, before.since);
  equal((await cellApp.ask())?.mark, 'good');
  deepEqual(judged(cellApp, before), []);
  await cellApp.expectUnharmed();
}

/** The first process that is asked to stop has the fault in the hook: the clone, for it is asked before main. */
async function strikeCloneAtStop(cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  const before = await cellApp.load();
  await cellApp.expectUnharmed();
  cellApp.arm();
  equal(await app.stop(), 0);
  deepEqual(judged(cellApp, before), []);
}

/** A signal for the launcher while main is in the place. */
async function strikeLauncher(cell: RealCell, kind: FaultKind, cellApp: CellApp): Promise<void> {
  const { app } = cellApp;
  if (cell.place === 'migrate') await cellApp.saveMigration(lingers(LINGER_MS));
  const before = await cellApp.load();
  const { launcherPid } = app;
  cellApp.arm();
  const answer = await comeTo(cell.place, cellApp);
  process.kill(launcherPid, kind.signal as NodeJS.Signals);
  if (cell.outcome === 'goes-on') {
    // Open connections are served although it is stopped.
    await cellApp.served(20);
    process.kill(launcherPid, 'SIGCONT');
    await answer;
    await app.waitFor(
      ({ kind, module }) => kind === 'stable' && module === 'subject',
      cell.place === 'load' || cell.place === 'start' || cell.place === 'stop' ? before.since : 0,
    );
    const now = await app.bothReady();
    equal(now.main, before.main);
    if (cell.place === 'migrate') await cellApp.expectPeople('birthYear');
    else equal(now.clone, before.clone);
    deepEqual(judged(cellApp, before), []);
    await cellApp.expectUnharmed();
    return;
  }
  equal(await app.exit(), null);
  await answer;
  await app.gone(before.main, before.clone);
  await cellApp.abandonLoad();
  await app.start();
  await app.bothReady();
  deepEqual(judged(cellApp, before), []);
  equal((await cellApp.ask())?.status, 200);
  await cellApp.expectSum();
  equal((await app.command('check')).value.isSound, true);
  if (cell.place === 'task') deepEqual(await cellApp.work('interrupted'), ['good']);
  // Before it or after it, never in the middle.
  if (cell.place === 'migrate') await cellApp.expectPeople('age', 'birthYear');
}

/** Brings main to the place; resolves when it is there, with a promise of whatever is answered. */
async function comeTo(place: Place, cellApp: CellApp): Promise<Promise<unknown>> {
  let answer: Promise<unknown> = Promise.resolve();
  if (place === 'task') answer = cellApp.app.get('/work/interrupted', 'POST');
  else if (place === 'handler') answer = cellApp.ask().then((got) => equal(got?.mark, 'good'));
  else if (place === 'migrate') answer = cellApp.app.command('migrate', 'people');
  else if (place === 'stop') cellApp.app.save('subject', cellApp.source('next', {}));
  else cellApp.app.save('subject', cellApp.source('next', faultyBodies(place, lingers(LINGER_MS))));
  await cellApp.entered();
  return answer;
}

/** Who died, who serves, and how the term grew. */
async function expectAfter(cell: RealCell, before: Before, cellApp: CellApp): Promise<void> {
  if (cell.outcome === 'takeover') await cellApp.app.waitFor({ kind: 'takeover' }, before.since);
  const now = await cellApp.app.bothReady();
  const { pid, store } = await cellApp.status();
  equal(pid, now.main);
  if (cell.outcome === 'takeover') {
    const deaths = cellApp.app.events.slice(before.since).filter(({ kind }) => kind === 'takeover');
    equal(deaths[0]?.data?.deadPid, before.main);
    equal(now.main, deaths.at(-1)?.data?.pid);
    equal(store.term, before.term + deaths.length);
    // The version costs one process, not one after the other.
    equal(deaths.length, 1);
    equal(now.main, before.clone);
  } else {
    deepEqual(
      { main: now.main, clone: now.clone, term: store.term },
      { main: before.main, clone: before.clone, term: before.term },
    );
  }
}

/** Verdicts since then. */
function judged(cellApp: CellApp, { since }: Before): unknown[] {
  return cellApp.app.events.slice(since).filter(({ kind }) => kind === 'unstable');
}

function faultyBodies(place: Place, code: string): SubjectBodies {
  switch (place) {
    case 'load':
      return { top: `{ ${code} }` };
    case 'start':
      return { start: code };
    case 'task':
      return { task: code, taskOptions: "hangAfter: '12s',".repeat(code.includes('hoard') ? 1 : 0) };
    case 'handler':
      return { handler: code };
    case 'stop':
      return { stop: code };
    case 'migrate':
      // Of another module.
      return {};
  }
}

/** What the stable version is like: it has the fault itself where the new one cannot have it. */
function goodBodies({ place, victim }: RealCell, { code }: FaultKind): SubjectBodies {
  if (victim === 'clone') return faultyBodies(place, once(code));
  if (victim === 'main') return place === 'stop' ? { stop: once(code) } : {};
  return place === 'load' || place === 'start' ? {} : faultyBodies(place, lingers(LINGER_MS));
}

function configOf({ victim }: RealCell, { hangAfter }: FaultKind): Readonly<Record<string, unknown>> {
  if (victim === 'launcher') return { hangAfter: '5s' };
  return hangAfter === undefined ? {} : { hangAfter };
}

/** Where the verdict says that it was; a promise that nobody awaits belongs to no place. */
function placeInReason(place: Place, { fault }: FaultKind): RegExp {
  if (fault === 'unhandled rejection') return /promise/;
  if (place === 'load' || place === 'start') return /load|start/;
  return place === 'task' ? /in task work/ : /in route GET \/subject/;
}
