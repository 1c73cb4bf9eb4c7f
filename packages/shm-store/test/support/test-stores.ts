// Stores of one test file: names that no other process uses, and nothing left behind.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { destroyStore } from '../../src/open.ts';

let count = 0;

/** A store name that belongs to this test process. */
export function uniqueName(): string {
  count++;
  return `test-${process.pid}-${count}`;
}

/** The paths of a store's files. */
export function filesOf(name: string): { main: string; backup: string; control: string; lock: string } {
  const base = `/dev/shm/mofo.${name}`;
  return { main: `${base}.main`, backup: `${base}.backup`, control: `${base}.control`, lock: `${base}.lock` };
}

/** Which of a store's four files exist, by suffix. */
export function filesThere(name: string): string[] {
  return Object.entries(filesOf(name)).flatMap(([suffix, path]) => (existsSync(path) ? [suffix] : []));
}

/** Destroys every store that {@link uniqueName} named, whatever state it is in; for afterEach. */
export function destroyTestStores(): void {
  const prefix = `mofo.test-${process.pid}-`;
  for (const file of readdirSync('/dev/shm')) {
    if (!file.startsWith(prefix)) continue;
    const name = file.slice('mofo.'.length, file.lastIndexOf('.'));
    try {
      destroyStore(name, { force: true });
    } catch {
      // A file that the store refuses to touch was made by the test itself.
      rmSync(`/dev/shm/${file}`, { force: true });
    }
  }
}
