// Giving memory back (R3): only what lies above the heap's end, only alone, and a process killed at any step of it leaves a store in which everything below
// `reserved` has memory.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ShmStoreError } from '../src/errors.ts';
import { CONTROL_RESERVED_GRANULES } from '../src/layout.ts';
import type { NativeStore } from '../src/native-binding.ts';
import { listStores, openSegments } from '../src/open.ts';
import { plant } from './support/plant.ts';
import { startProgram } from './support/run-program.ts';
import { destroyTestStores, filesOf, uniqueName } from './support/test-stores.ts';

const MIB = 2 ** 20;
/** Superblock, slab table and the first step: what an empty store keeps. */
const LEAST = 2 * MIB;

let folder = '';
let preload = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mofo-trim-'));
  preload = join(folder, 'cut-calls.so');
  const source = fileURLToPath(new URL('programs/cut-calls.c', import.meta.url));
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', preload, source, '-ldl']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(destroyTestStores);

function reservedBytes(store: NativeStore): number {
  return new Uint32Array(store.control, CONTROL_RESERVED_GRANULES, 1)[0]! * 16;
}

function backedBytes(name: string): number {
  return listStores().find((store) => store.name === name)!.backedBytes;
}

/** A store whose heap is empty and which has memory for 32 MiB, with a mark in what stays. */
function makeLarge(name: string): NativeStore {
  const store = openSegments({ name, sizeBytes: 64 * MIB });
  store.transaction(() => {
    store.reserveMain((32 * MIB) / 16);
    return 0;
  });
  new Uint8Array(store.windows[0]!)[600_000] = 77;
  new Uint8Array(store.windows[0]!).fill(1, 16 * MIB, 17 * MIB);
  return store;
}

describe('trim', () => {
  test('gives back what lies above the end of the heap, and growth takes it again', () => {
    const name = uniqueName();
    const store = makeLarge(name);
    expect(backedBytes(name)).toBeGreaterThanOrEqual(64 * MIB);
    const report = store.trim();
    expect(report).toMatchObject({ result: 'done', reservedBytes: LEAST });
    expect(report.freedBytes).toBeGreaterThan(58 * MIB);
    expect(reservedBytes(store)).toBe(LEAST);
    expect(backedBytes(name)).toBeLessThan(6 * MIB);
    expect(store.trim()).toEqual({ result: 'done', reservedBytes: LEAST, freedBytes: 0 });
    store.transaction(() => {
      store.reserveMain((32 * MIB) / 16);
      return 0;
    });
    const main = new Uint8Array(store.windows[0]!);
    expect([main[600_000], main[16 * MIB]]).toEqual([77, 0]);
    store.close();
  });

  test('does nothing while another handle, thread or process is attached, or a snapshot reads the backup', async () => {
    const name = uniqueName();
    const store = makeLarge(name);
    const other = startProgram('open-store.mjs', [name, '0']);
    expect(await other.next()).toMatchObject({ created: false });
    expect(store.trim()).toMatchObject({ result: 'attached', freedBytes: 0 });
    await other.kill();
    store.lockBackup();
    expect(store.trim()).toMatchObject({ result: 'backup-in-use', freedBytes: 0 });
    store.unlockBackup();
    expect(reservedBytes(store)).toBeGreaterThanOrEqual(32 * MIB);
    expect(store.trim()).toMatchObject({ result: 'done' });
    store.close();
  });

  test('is refused in a transaction, and after close', () => {
    const store = makeLarge(uniqueName());
    const codes: string[] = [];
    const attempt = (): void => {
      try {
        store.trim();
      } catch (error) {
        if (!(error instanceof ShmStoreError)) throw error;
        codes.push(error.code);
      }
    };
    store.transaction(() => {
      attempt();
      return 0;
    });
    store.close();
    attempt();
    expect(codes).toEqual(['IN_TRANSACTION', 'CLOSED']);
  });
});

/** What is wrong after trims that are killed at each of their steps, and how many were killed. Of a copy with a bug: up to the first problem. */
async function cutTrims(packageCopy?: string): Promise<{ problems: string[]; kills: number }> {
  const problems: string[] = [];
  for (let cut = 1; cut < 60; cut++) {
    const name = uniqueName();
    makeLarge(name).close();
    const program = startProgram('trim-store.mjs', [name], {
      env: { LD_PRELOAD: preload, CUT_FROM: '/cut-from-here', CUT_AT: String(cut) },
      ...(packageCopy === undefined ? {} : { folder: packageCopy }),
    });
    const end = await program.ended;
    const store = openSegments({ name });
    const reserved = reservedBytes(store);
    for (const path of [filesOf(name).main, filesOf(name).backup]) {
      if (statSync(path).blocks * 512 < reserved - 131_072)
        problems.push(`cut ${cut}: memory is missing below reserved`);
    }
    if (new Uint8Array(store.windows[0]!)[600_000] !== 77) problems.push(`cut ${cut}: data is gone`);
    const report = store.trim();
    if (report.result !== 'done' || report.reservedBytes !== LEAST)
      problems.push(`cut ${cut}: ${JSON.stringify(report)}`);
    if (backedBytes(name) > 6 * MIB) problems.push(`cut ${cut}: ${backedBytes(name)} bytes are still taken`);
    store.close();
    if (end === '0') return { problems, kills: cut - 1 };
    if (packageCopy !== undefined && problems.length > 0) return { problems, kills: cut };
    if (end !== 'SIGKILL') problems.push(`cut ${cut}: it ended with ${end}`);
  }
  return { problems: [...problems, 'endless'], kills: 60 };
}

describe('a process killed at any step of a trim', { timeout: 300_000 }, () => {
  test('leaves memory behind everything below the bound, and the next trim does the rest', async () => {
    const { problems, kills } = await cutTrims();
    expect(problems).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(7);
  });

  test('planted bug: memory that is taken before the bound is lowered is found missing', async () => {
    const copy = plant(folder, 'trim.cc', [
      ['if (bound < reserved) storeWord(published, Geometry::toGranules(bound));\n', '\n'],
      [
        'punch(mapping, view, bound, reserved);',
        'punch(mapping, view, bound, reserved);\n    if (bound < reserved) storeWord(published, Geometry::toGranules(bound));',
      ],
    ]);
    const { problems } = await cutTrims(copy);
    expect(problems.join('\n')).toContain('memory is missing below reserved');
  });
});
