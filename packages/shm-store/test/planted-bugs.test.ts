// The tests of opening and reservation can fail: the addon is built with one mechanism broken on purpose, and the same real processes show it.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { monotonicMs } from '../src/process.ts';
import { plant } from './support/plant.ts';
import { type Program, startProgram } from './support/run-program.ts';
import { destroyTestStores, uniqueName } from './support/test-stores.ts';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const SIZE = String(2 ** 20);

let folder = '';
let preload = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-planted-'));
  preload = join(folder, 'cut-calls.so');
  execFileSync('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    preload,
    join(packageFolder, 'test/programs/cut-calls.c'),
    '-ldl',
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(destroyTestStores);

/** The package with `search` replaced in one native source. */
function plantOne(file: string, search: string, replacement: string): string {
  return plant(folder, file, [[search, replacement]]);
}

/** The first thing that goes wrong when a creator or destroyer is killed at every step and the next opener comes. */
async function firstFailureOfCuts(
  copy: string,
  victim: (name: string, env: Record<string, string>) => Promise<Program>,
): Promise<string> {
  for (let cut = 1; cut < 200; cut++) {
    const name = uniqueName();
    const program = await victim(name, { LD_PRELOAD: preload, CUT_AT: String(cut) });
    program.child.stdin?.end();
    if ((await program.ended) === '0') return 'none';
    const opener = startProgram('open-store.mjs', [name, SIZE], { folder: copy });
    const report = await opener.next();
    opener.child.stdin?.end();
    await opener.ended;
    if (report.code !== undefined) return String(report.code);
    if (report.id !== report.controlId) return 'two stores';
  }
  return 'endless';
}

describe('caught:', { timeout: 180_000 }, () => {
  test('a store that is not made ready last', async () => {
    const copy = plantOne(
      'segment.cc',
      'if (valueAt<uint32_t>(control, layout::CONTROL_READY) == 0) {',
      'if (false) {',
    );
    const failure = await firstFailureOfCuts(copy, async (name, env) =>
      startProgram('open-store.mjs', [name, SIZE], { env, folder: copy }),
    );
    expect(failure).not.toBe('none');
  });

  test('control unlinked before main', async () => {
    const copy = plantOne(
      'create.cc',
      '{&paths.main, &paths.backup, &paths.control}',
      '{&paths.control, &paths.backup, &paths.main}',
    );
    const failure = await firstFailureOfCuts(copy, async (name, env) => {
      const maker = startProgram('open-store.mjs', [name, SIZE], { folder: copy });
      await maker.next();
      maker.child.stdin?.end();
      await maker.ended;
      return startProgram('destroy-store.mjs', [name], { env, folder: copy });
    });
    expect(failure).toBe('STORE_INCOMPLETE');
  });

  test('a create lock that locks nobody out', async () => {
    const copy = plantOne('create.cc', 'if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) {', 'if (true) {');
    let wrong = '';
    for (let round = 0; round < 40 && wrong === ''; round++) {
      const name = uniqueName();
      const beginAtMs = String(monotonicMs() + 400);
      const programs = Array.from({ length: 4 }, () =>
        startProgram('open-store.mjs', [name, SIZE, beginAtMs], { folder: copy }),
      );
      const reports = await Promise.all(programs.map((program) => program.next()));
      for (const { child } of programs) child.stdin?.end();
      await Promise.all(programs.map(({ ended }) => ended));
      if (reports.some(({ code }) => code !== undefined)) wrong = 'an error';
      else if (new Set(reports.map(({ id }) => id)).size > 1) wrong = 'two stores';
      else if (new Set(reports.map(({ slot }) => slot)).size < 4) wrong = 'one slot for two';
    }
    expect(wrong).not.toBe('');
  });

  test('memory that is published without being reserved', async (context) => {
    if (spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm']).status !== 0) {
      console.warn('SKIPPED: no private mount namespace may be made here, so a full /dev/shm is not tried.');
      context.skip();
    }
    const copy = plantOne(
      'reserve.cc',
      'const int error = posix_fallocate(file.get(), off_t(at), off_t(count));',
      'const int error = 0;',
    );
    const program = startProgram('full-shm.mjs', ['16'], { command: ['unshare', '-m'], folder: copy });
    expect(await program.ended).toBe('SIGBUS');
  });
});
