import { describe, expect, test } from 'vitest';
import { RestartBudget } from '../src/restart-budget.ts';

const small = { burst: { count: 2, windowMs: 100 }, sustained: { count: 4, windowMs: 1000 } };

describe('restart budget', () => {
  test('allows a burst, then says when the next start is allowed', () => {
    const budget = new RestartBudget(small);
    expect(budget.spend(0).allowed).toBe(true);
    expect(budget.spend(10).allowed).toBe(true);
    expect(budget.spend(20)).toEqual({ allowed: false, full: 'burst', nextAtMs: 100 });
    expect(budget.spend(99).allowed).toBe(false);
    expect(budget.spend(100).allowed).toBe(true);
  });

  test('stops what stays below the burst but never ends', () => {
    const budget = new RestartBudget(small);
    for (const at of [0, 150, 300, 450]) expect(budget.spend(at).allowed).toBe(true);
    expect(budget.spend(600)).toEqual({ allowed: false, full: 'sustained', nextAtMs: 1000 });
    expect(budget.spend(1000).allowed).toBe(true);
  });

  test('a refused start spends nothing', () => {
    const budget = new RestartBudget(small);
    budget.spend(0);
    budget.spend(0);
    for (let at = 1; at < 100; at++) budget.spend(at);
    expect(budget.spentAtMs).toEqual([0, 0]);
  });

  test('goes on from the times of another process', () => {
    const first = new RestartBudget(small);
    first.spend(0);
    first.spend(10);
    const second = new RestartBudget({ ...small, spentAtMs: first.spentAtMs });
    expect(second.spend(20).allowed).toBe(false);
  });

  test('a clock that was set back does not lock starts out', () => {
    const budget = new RestartBudget({ ...small, spentAtMs: [5000, 5001, Number.NaN] });
    expect(budget.spend(10).allowed).toBe(true);
  });

  test('a count of 0 never allows', () => {
    const budget = new RestartBudget({ ...small, burst: { count: 0, windowMs: 1 } });
    expect(budget.spend(0)).toEqual({ allowed: false, full: 'burst', nextAtMs: Number.POSITIVE_INFINITY });
  });

  test('remembers no more than its larger count', () => {
    const budget = new RestartBudget(small);
    for (let at = 0; at < 100_000; at += 50) budget.spend(at);
    expect(budget.spentAtMs.length).toBeLessThanOrEqual(4);
  });

  test.each([[{ count: -1, windowMs: 1 }], [{ count: 1, windowMs: 0 }], [{ count: 1.5, windowMs: 1 }]])(
    'refuses %o',
    (burst) => {
      expect(() => new RestartBudget({ burst })).toThrow(RangeError);
    },
  );
});
