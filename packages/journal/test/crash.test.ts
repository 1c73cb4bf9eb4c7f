// Processes killed at random moments: two move amounts between accounts, one adds them up. After each kill no amount is lost, and every block of the heap
// is either owned once or free.

import { f64, struct, text } from '@mofo/shm-store';
import { afterEach, describe, expect, test } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { queue } from '../src/collections/queue.ts';
import { destroyStore } from '../src/index.ts';
import { openStore, type Store } from '../src/store.ts';
import { tree } from '../src/tree/tree-type.ts';
import { checkHeap, ownedBlocks } from './support/check-heap.ts';
import { ChildProgram } from './support/child-program.ts';

const ACCOUNT_COUNT = 40;
const FIRST_BALANCE = 1000;
const KILL_COUNT = 60;
/** Enough for a busy machine. */
const PROBLEM_LIMIT_MS = 150_000;

const Account = struct('Account', { owner: text(), balance: f64() });
const Move = struct('Move', { from: text(), to: text(), amount: f64() });
const roots = { accounts: tree(text(), Account), history: queue(Move), moves: counter() };
type Bank = Store<typeof roots>;

const seed = Number(process.env.MOFO_SEED ?? Date.now() % 2 ** 31);
const name = `test-${process.pid}-crash`;
const children = new Set<ChildProgram>();
let store: Bank | undefined;

afterEach(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  children.clear();
  store?.close();
  destroyStore(name, { force: true });
});

describe('processes killed at random moments', { timeout: 200_000 }, () => {
  test(`lose no amount and no block, ${KILL_COUNT} kills (MOFO_SEED=${seed})`, async () => {
    const { kills, problems, moves } = await play('none', KILL_COUNT);
    expect(problems).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(KILL_COUNT);
    expect(moves).toBeGreaterThan(KILL_COUNT);
  });

  test('planted bug: a writer that writes around the door is caught', async () => {
    const { problems } = await play('around-the-door', 10 * KILL_COUNT);
    expect(problems).not.toEqual([]);
  });
});

/** Kills and restarts the three programs until so many were killed, or a problem was found. */
async function play(plant: string, killCount: number): Promise<{ kills: number; problems: string[]; moves: number }> {
  const bank = openStore({ name, sizeBytes: 8 * 2 ** 20, root: roots });
  store = bank;
  bank.transaction(() => {
    for (let k = 0; k < ACCOUNT_COUNT; k++)
      bank.root.accounts.set(`account ${k}`, { owner: `owner ${k}`, balance: FIRST_BALANCE });
  });
  let started = 0;
  const random = randomFrom(seed);
  const start = (program: string): ChildProgram => {
    const child = new ChildProgram(program, [name, seed + started++, plant]);
    children.add(child);
    return child;
  };
  const programs = ['move-amounts.mjs', 'move-amounts.mjs', 'sum-amounts.mjs'];
  const running = programs.map(start);
  const problems: string[] = [];
  const limit = performance.now() + PROBLEM_LIMIT_MS;
  let kills = 0;
  while (kills < killCount && problems.length === 0 && performance.now() < limit) {
    const ready = await Promise.allSettled(
      running.map((child) => (isReady.has(child) ? undefined : becomeReady(child))),
    );
    for (const result of ready) if (result.status === 'rejected') problems.push(String(result.reason));
    await new Promise((resolve) => setTimeout(resolve, random(30)));
    const victims = running.map((_, index) => index).filter(() => random(3) > 0);
    for (const index of victims) {
      const child = running[index] as ChildProgram;
      if (!child.isRunning) problems.push(`${programs[index]} ended by itself (${await child.ended}): ${child.errors}`);
      child.process.kill('SIGKILL');
    }
    for (const index of victims) {
      const child = running[index] as ChildProgram;
      const end = await child.ended;
      if (end !== 'SIGKILL') problems.push(`${programs[index]} ended by itself (${end}): ${child.errors}`);
      children.delete(child);
      kills++;
      running[index] = start(programs[index] as string);
    }
    problems.push(...check(bank));
  }
  const moves = problems.length === 0 ? bank.root.moves.value : 0;
  return { kills, problems, moves };
}

const isReady = new WeakSet<ChildProgram>();

async function becomeReady(child: ChildProgram): Promise<void> {
  await child.next();
  isReady.add(child);
}

/** What is wrong with the store, looked at under the write lock. */
function check(bank: Bank): string[] {
  const problems: string[] = [];
  try {
    bank.transaction(() => {
      const balances = [...bank.root.accounts.values()].map(({ balance }) => balance);
      const sum = balances.reduce((all, one) => all + one, 0);
      if (balances.length !== ACCOUNT_COUNT || sum !== ACCOUNT_COUNT * FIRST_BALANCE)
        problems.push(`${balances.length} accounts with ${sum}`);
      const heap = checkHeap(new Uint8Array(bank.native.windows[0] as ArrayBuffer));
      problems.push(...heap.problems);
      const owned = ownedBlocks(bank.memory, problems);
      for (const block of heap.live) if (!owned.has(block)) problems.push(`block ${block} is live and nobody owns it`);
      for (const block of owned) if (!heap.live.has(block)) problems.push(`block ${block} is owned and not live`);
    });
  } catch (error) {
    problems.push(String(error));
  }
  return problems;
}

function randomFrom(start: number): (limit: number) => number {
  let state = start >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
