// The timeline on disk: bounded, whole lines only, also after a writer that died in the middle of one, and followed over rotations.

import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventLog, logDirectory, logFile, readEvents } from '../src/runtime/event-log.ts';
import { followLog } from '../src/runtime/follow-log.ts';
import type { RuntimeEvent } from '../src/runtime/messages.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mofo-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const failures: unknown[] = [];

function open(fileBytesMax?: number): EventLog {
  return new EventLog(directory, (error) => failures.push(error), fileBytesMax);
}

function event(number: number): RuntimeEvent {
  return { at: number, kind: 'update', module: 'fees', message: `event ${number} äöü ${'x'.repeat(number % 40)}` };
}

it('keeps the newest events in order, in a bounded number of bounded files', () => {
  const log = open(1_000);
  for (let number = 1; number <= 500; number++) log.write(event(number));
  log.close();
  const events = readEvents(directory);
  expect(events.at(-1)).toEqual(event(500));
  expect(events).toEqual(events.map((_, index) => event(500 - events.length + 1 + index)));
  const files = readdirSync(logDirectory(directory));
  expect(files).toHaveLength(4);
  for (const file of files) expect(statSync(join(logDirectory(directory), file)).size).toBeLessThan(1_200);
  expect(failures).toEqual([]);
});

it('goes on after a line that a death cut short, and leaves that one out', () => {
  const first = open();
  first.write(event(1));
  first.close();
  appendFileSync(logFile(logDirectory(directory), 0), JSON.stringify(event(2)).slice(0, 25));
  const second = open();
  second.write(event(3));
  second.close();
  expect(readEvents(directory)).toEqual([event(1), event(3)]);
});

it('is followed from where it ends, over rotations, without losing or repeating an event', async () => {
  const log = open(400);
  log.write(event(1));
  const seen: RuntimeEvent[] = [];
  const end = new AbortController();
  const following = followLog(directory, (one) => seen.push(one), end.signal);
  for (let number = 2; number <= 60; number++) {
    log.write(event(number));
    // So that no more than one file is rotated away before the follower has its turn.
    if (number % 3 === 0) await expect.poll(() => seen.length, { timeout: 5_000, interval: 5 }).toBe(number - 1);
  }
  await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(59);
  expect(seen).toEqual(Array.from({ length: 59 }, (_, index) => event(index + 2)));
  end.abort();
  await following;
  log.close();
});
