// A linked list with raw pointers in shared memory: its pointers work again in another process, after every process is gone, and after the store was
// destroyed and restored from a snapshot; and where they could not work, the store is refused. Every step is a process of its own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { destroyStore, openStore } from '@mofo/journal';
import { openSnapshots, restoreStore } from '@mofo/snapshot';
import { beInTheWay, goOn, make, type StepReport } from './steps.ts';

const [step, name = `example-native-region-${process.pid}`, ...rest] = process.argv.slice(2);
if (step === 'make') console.log(JSON.stringify(make(name, rest)));
else if (step === 'go-on') console.log(JSON.stringify(goOn(name, rest)));
else if (step === 'be-in-the-way') console.log(JSON.stringify(beInTheWay(name, BigInt(rest[0] ?? 0))));
else await show(name);

async function show(store: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'native-region-'));
  try {
    const first = runStep('make', store, 'one', 'two');
    say('a process made a list of two words and ended', first.words, ['two', 'one']);
    const second = runStep('go-on', store, 'three');
    say('another one followed its pointers', second.words, ['two', 'one']);
    say('at the same address', second.address, first.address);

    await takeSnapshot(store, directory);
    destroyStore(store);
    await restoreStore({ directory, name: store });
    const third = runStep('go-on', store);
    say('after the store was destroyed and restored they work again', third.words, ['three', 'two', 'one']);
    say('at the same address', third.address, first.address);

    const fourth = runStep('be-in-the-way', store, first.address ?? '');
    say('a process with something else there is refused', fourth.code, 'ADDRESS_TAKEN');
  } finally {
    destroyStore(store, { force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

function runStep(...args: string[]): StepReport {
  const program = fileURLToPath(import.meta.url);
  return JSON.parse(execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' })) as StepReport;
}

async function takeSnapshot(store: string, directory: string): Promise<void> {
  const opened = openStore({ name: store, create: false });
  await openSnapshots(opened, { directory, keep: 1 }).take();
  opened.close();
}

function say(what: string, value: unknown, expected: unknown): void {
  console.log(`${what}: ${JSON.stringify(value)}`);
  if (!isDeepStrictEqual(value, expected)) throw new Error(`${JSON.stringify(expected)} was expected.`);
}
