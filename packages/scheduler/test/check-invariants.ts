// Reads all trees of the scheduler and throws where the invariants of SPEC.md do not hold. Written against the stored data only.

import type { Store } from '@mofo/journal';
import { expect } from 'vitest';
import { BundleWords } from '../src/bundle.ts';
import { Counters } from '../src/counters.ts';
import { openTrees, type TaskRecord, type Trees } from '../src/storage.ts';

export function checkInvariants(store: Pick<Store, 'addRoots' | 'memory' | 'read'>): void {
  const trees = openTrees(store);
  store.read(() => {
    const expected: Record<string, unknown[]> = {
      ready: [],
      delayed: [],
      parked: [],
      blocked: [],
      running: [],
      dead: [],
    };
    checkBundles(store, trees);
    const keys = new Map<string, number>();
    const parked = new Map<string, number>();
    const tasks = new Map<number, TaskRecord>();
    for (const [id, task] of trees.tasks.range()) {
      tasks.set(id, task);
      const rank = 0 - task.priority;
      const entries: Record<string, unknown> = {
        ready: [[rank, task.sequence], id],
        delayed: [[task.dueAt, id], id],
        parked: [[task.name, rank, task.sequence], id],
        blocked: [[task.name, task.concurrencyKey, rank, task.sequence], id],
        running: [id, task.token],
        dead: [id, task.diedAt],
      };
      expected[task.state]?.push(entries[task.state]);
      if (task.state === 'running' && task.concurrencyKey !== '') count(keys, `${task.name}\n${task.concurrencyKey}`);
      if (task.state === 'parked') count(parked, task.name);
    }
    // I1: each task is in exactly the index of its state.
    const sorted = (entries: Iterable<unknown>): string[] => [...entries].map((entry) => JSON.stringify(entry)).sort();
    for (const state of ['ready', 'delayed', 'parked', 'blocked', 'running', 'dead'] as const) {
      expect(sorted(trees[state].range() as Iterable<unknown>), state).toEqual(sorted(expected[state] as unknown[]));
    }
    // I4: running tasks are counted per key.
    expect(new Map([...trees.keys.range()].map(([key, n]) => [key.join('\n'), n]))).toEqual(keys);
    // I5: a blocked task has one of its key before it that runs or is ready.
    for (const [[name, key]] of trees.blocked.range()) {
      const ahead = [...tasks.values()].some(
        (task) =>
          task.name === name && task.concurrencyKey === key && (task.state === 'running' || task.state === 'ready'),
      );
      expect(ahead, `blocked ${name} ${key}`).toBe(true);
    }
    // I6: parked tasks are counted; names without reason are forgotten.
    for (const [name, entry] of trees.names.range()) {
      expect(entry.parked).toBe(parked.get(name) ?? 0);
      expect(entry.paused || entry.parked > 0).toBe(true);
      parked.delete(name);
    }
    expect(parked.size).toBe(0);
    // I3: a dedupe entry leads to a waiting task with that key.
    for (const [[name, key], id] of trees.dedupe.range()) {
      const task = tasks.get(id);
      expect([task?.name, task?.dedupeKey]).toEqual([name, key]);
      expect(['ready', 'delayed', 'parked', 'blocked']).toContain(task?.state);
    }
    // I7: a schedule has one unfinished task.
    for (const [[name, key], schedule] of trees.schedules.range()) {
      if (schedule.taskId === 0) continue;
      const task = tasks.get(schedule.taskId);
      expect([task?.name, task?.isScheduled, task?.scheduleKey]).toEqual([name, true, key]);
      expect(task?.state).not.toBe('dead');
    }
  });
}

/** I13 to I15: bundles and what workers run of them. */
function checkBundles({ memory }: Pick<Store, 'memory'>, trees: Trees): void {
  const words = new BundleWords(memory);
  const block = trees.counters.get(0);
  // No scheduler has been opened yet.
  if (block === undefined) return;
  const counters = new Counters(memory, block);
  const claims = [...trees.workers.range()].map(([, record]) => record).filter(({ taskId }) => taskId !== 0);
  const ids = new Set<number>();
  let waiting = 0;
  let previous: readonly [number, number] | undefined;
  for (const [[rank, first], block] of trees.bundles.range()) {
    words.check(block);
    const taken = words.taken(block);
    let remaining = 0;
    for (let slot = 0; slot < words.count(block); slot++) {
      const id = words.id(block, slot);
      expect(id).toBeGreaterThanOrEqual(first);
      if (previous?.[0] === rank) expect(id, 'ids grow along a priority').toBeGreaterThan(previous[1]);
      previous = [rank, id];
      const running = claims.filter(({ taskId }) => taskId === id);
      if (slot >= taken) expect(running, `waiting ${id}`).toEqual([]);
      if (slot >= taken && !words.isGone(block, slot)) waiting += 1;
      else if (running.length === 0) continue;
      remaining += 1;
      expect(running.length).toBeLessThanOrEqual(1);
      if (running[0] !== undefined) expect([running[0].rank, running[0].first]).toEqual([rank, first]);
      expect(ids.has(id) || trees.tasks.has(id), `task ${id} is stored once`).toBe(false);
      ids.add(id);
      expect(words.name(block, slot)).not.toBe('');
    }
    expect(words.remaining(block), `bundle ${rank} ${first}`).toBe(remaining);
    if (remaining === 0) expect(rank, 'an empty bundle is kept for priority 0 only').toBe(0);
  }
  expect(counters.waiting).toBe(waiting);
  for (const { taskId } of claims) expect(ids.has(taskId), `claimed ${taskId}`).toBe(true);
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
