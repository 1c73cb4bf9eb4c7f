// Many processes at once, and processes killed at every step: there is never more than one store under a name, and never a half one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { listStores, openSegments } from '../src/open.ts';
import { monotonicMs } from '../src/process.ts';
import { type Program, startProgram } from './support/run-program.ts';
import { destroyTestStores, filesThere, uniqueName } from './support/test-stores.ts';

const SIZE = String(2 ** 20);
const PROCESSES = 8;

let folder = '';
let preload = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-cut-'));
  preload = join(folder, 'cut-calls.so');
  const source = fileURLToPath(new URL('programs/cut-calls.c', import.meta.url));
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', preload, source, '-ldl']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(destroyTestStores);

function idOf(name: string): string {
  const store = openSegments({ name });
  const id = Buffer.from(store.windows[0]!, 24, 16).toString('hex');
  store.close();
  return id;
}

async function endAll(programs: readonly Program[]): Promise<string[]> {
  for (const { child } of programs) child.stdin?.end();
  return Promise.all(programs.map(({ ended }) => ended));
}

describe('processes that start at once', () => {
  test('open one store, made by one of them, in slots of their own', async () => {
    const name = uniqueName();
    const beginAtMs = String(monotonicMs() + 700);
    const programs = Array.from({ length: PROCESSES }, () => startProgram('open-store.mjs', [name, SIZE, beginAtMs]));
    const reports = await Promise.all(programs.map((program) => program.next()));
    expect(new Set(reports.map(({ id }) => id)).size).toBe(1);
    expect(reports.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(reports.map(({ slot }) => slot)).size).toBe(PROCESSES);
    expect(listStores().find((store) => store.name === name)?.attached).toHaveLength(PROCESSES);
    expect(await endAll(programs)).toEqual(Array(PROCESSES).fill('0'));
    expect(listStores().find((store) => store.name === name)?.attached).toEqual([]);
  });

  test('some opening and some destroying leave a whole store or none', async () => {
    const name = uniqueName();
    for (let round = 0; round < 4; round++) {
      const beginAtMs = String(monotonicMs() + 500);
      const openers = Array.from({ length: 4 }, () => startProgram('open-store.mjs', [name, SIZE, beginAtMs]));
      const destroyers = Array.from({ length: 2 }, () => startProgram('destroy-store.mjs', [name]));
      for (const report of await Promise.all(openers.map((program) => program.next()))) {
        expect(report.id, JSON.stringify(report)).toEqual(report.controlId);
        expect(report.code).toBeUndefined();
      }
      for (const report of await Promise.all(destroyers.map((program) => program.next()))) {
        expect(report.code, JSON.stringify(report)).toBeUndefined();
      }
      await endAll([...openers, ...destroyers]);
      expect([[], ['main', 'backup', 'control', 'lock']]).toContainEqual(filesThere(name));
    }
  });
});

// Some 120 processes one after the other: long on a busy machine.
describe('a process killed at any step', { timeout: 180_000 }, () => {
  /** Runs a program with a cut at its k-th call, for every k, until it gets through; returns how many cuts there were. */
  async function forEveryCut(
    run: (env: Record<string, string>) => Program,
    check: (cut: number) => Promise<void>,
  ): Promise<number> {
    for (let cut = 1; cut < 200; cut++) {
      const program = run({ LD_PRELOAD: preload, CUT_AT: String(cut) });
      program.child.stdin?.end();
      const ended = await program.ended;
      if (ended === '0') return cut - 1;
      expect(ended).toBe('SIGKILL');
      await check(cut);
    }
    throw new Error('the program never got through');
  }

  test('while it creates: the next opener makes or finds one whole store', async () => {
    let name = uniqueName();
    const cuts = await forEveryCut(
      (env) => startProgram('open-store.mjs', [name, SIZE], { env }),
      async (cut) => {
        const store = openSegments({ name, sizeBytes: Number(SIZE) });
        const id = Buffer.from(store.windows[0]!, 24, 16).toString('hex');
        expect(Buffer.from(store.control, 16, 16).toString('hex'), `cut ${cut}`).toBe(id);
        expect(id).not.toBe('0'.repeat(32));
        expect(idOf(name), `cut ${cut}`).toBe(id);
        expect(store.slot).toBeLessThan(2);
        store.transaction(() => 0);
        store.close();
        destroyTestStores();
        expect(filesThere(name)).toEqual([]);
        name = uniqueName();
      },
    );
    // 3 opens, 3 sizes, magic, reservations, mappings, clock, locks: fewer would mean that the cuts miss the addon's calls.
    expect(cuts).toBeGreaterThan(20);
  });

  test('while it creates: whoever may not create is told that there is nothing', async () => {
    let name = uniqueName();
    let notFound = 0;
    await forEveryCut(
      (env) => startProgram('open-store.mjs', [name, SIZE], { env }),
      async () => {
        try {
          openSegments({ name }).close();
        } catch (error) {
          expect((error as { code: string }).code).toBe('NOT_FOUND');
          expect(filesThere(name)).toEqual([]);
          notFound++;
        }
        destroyTestStores();
        name = uniqueName();
      },
    );
    expect(notFound).toBeGreaterThan(10);
  });

  test('while it destroys: the store is whole or gone, and the name can be used again', async () => {
    const name = uniqueName();
    openSegments({ name, sizeBytes: Number(SIZE) }).close();
    let id = idOf(name);
    const cuts = await forEveryCut(
      (env) => startProgram('destroy-store.mjs', [name], { env }),
      async (cut) => {
        const store = openSegments({ name, sizeBytes: Number(SIZE) });
        const found = Buffer.from(store.windows[0]!, 24, 16).toString('hex');
        expect(found === id, `cut ${cut}`).toBe(!store.created);
        store.transaction(() => 0);
        store.close();
        id = found;
      },
    );
    expect(cuts).toBeGreaterThan(7);
    expect(filesThere(name)).toEqual([]);
  });
});
