// When a version has earned its trust: the verdict by runs, time, faults, and the fault rate of the version before it.

import { expect, it } from 'vitest';
import { Probation } from '../src/runtime/probation.ts';

const rules = { tasks: 3, minimumMs: 100, deadlineMs: 1_000 };

function after(runs: (probation: Probation) => void, ms: number, formerFaultRate = 0): string {
  const probation = new Probation(rules, 0, formerFaultRate);
  runs(probation);
  return probation.verdict(ms);
}

function times(count: number, what: () => void): void {
  for (let n = 0; n < count; n++) what();
}

it.each([
  ['enough runs before the minimum time is pending', 3, 99, 'pending'],
  ['enough runs and the minimum time passes', 3, 100, 'passed'],
  ['too few runs before the deadline is pending', 2, 999, 'pending'],
  ['too few runs without a failure at the deadline passes', 0, 1_000, 'passed'],
])('%s', (_what, runs, ms, verdict) => {
  expect(after((probation) => times(runs, () => probation.succeeded()), ms)).toBe(verdict);
});

it('a failure fails at once, whatever else there was, also at the deadline', () => {
  for (const ms of [0, 100, 1_000]) {
    expect(
      after((probation) => {
        times(50, () => probation.succeeded());
        probation.taskFailed('it threw');
      }, ms),
    ).toBe('failed');
  }
});

it.each([
  ['a third fault in a hundred requests fails after a version without any', 97, 3, 0, 'failed'],
  ['two faults do not', 98, 2, 0, 'passed'],
  ['faults as often as on the version before do not', 97, 3, 0.03, 'passed'],
  ['more often than on the version before do', 96, 4, 0.03, 'failed'],
])('%s', (_what, good, bad, formerFaultRate, verdict) => {
  const mixed = (probation: Probation): void => {
    times(good, () => probation.handlerSucceeded());
    times(bad, () => probation.handlerFailed('it threw'));
  };
  expect(after(mixed, 200, formerFaultRate)).toBe(verdict);
});
