import { destroyStore, openStore, type Store } from '@mofo/journal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Quarantine } from '../src/quarantine.ts';
import { TakeoverBudget } from '../src/takeover-budget.ts';

const name = `test-${process.pid}-quarantine`;
let store: Store;
beforeEach(() => {
  store = openStore({ name, sizeBytes: 2 ** 20 });
});
afterEach(() => {
  store.close();
  destroyStore(name, { force: true });
});

describe('quarantine', () => {
  test('keeps a version with its first reason, for every handle of the store, until it is removed', () => {
    const quarantine = new Quarantine(store);
    expect(quarantine.add('fees', '77bc01', 'SIGSEGV in task collect #8812', 4312)).toBe(true);
    expect(quarantine.add('fees', '77bc01', 'another reason')).toBe(false);
    const other = openStore({ name });
    const seen = new Quarantine(other);
    expect(seen.has('fees', '77bc01')).toBe(true);
    expect(seen.has('fees', 'a1f3d2')).toBe(false);
    expect(seen.get('fees', '77bc01')).toMatchObject({ reason: 'SIGSEGV in task collect #8812', pid: 4312 });
    expect(seen.remove('fees', '77bc01')).toBe(true);
    expect(seen.remove('fees', '77bc01')).toBe(false);
    expect(quarantine.list()).toEqual([]);
    other.close();
  });

  test('lists by module and hash, scoped names too', () => {
    const quarantine = new Quarantine(store);
    quarantine.add('fees', 'b', 'r');
    quarantine.add('@acme/fees', 'c', 'r');
    quarantine.add('fees', 'a', 'r');
    expect(quarantine.list().map((each) => [each.module, each.hash])).toEqual([
      ['@acme/fees', 'c'],
      ['fees', 'a'],
      ['fees', 'b'],
    ]);
  });

  test('is part of the transaction around it', () => {
    const quarantine = new Quarantine(store);
    const fail = (): never =>
      store.transaction(() => {
        quarantine.add('fees', 'a', 'r');
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    expect(quarantine.has('fees', 'a')).toBe(false);
  });

  test('cuts a long reason, and refuses an empty one and wrong names', () => {
    const quarantine = new Quarantine(store);
    quarantine.add('fees', 'a', 'x'.repeat(5000));
    expect(quarantine.get('fees', 'a')?.reason).toHaveLength(1024);
    expect(() => quarantine.add('fees', 'b', '')).toThrow(TypeError);
    expect(() => quarantine.add('', 'b', 'r')).toThrow(TypeError);
    expect(() => quarantine.add('fees', 'b@c', 'r')).toThrow(TypeError);
    expect(() => quarantine.add('f'.repeat(300), 'b', 'r')).toThrow(RangeError);
  });
});

describe('takeover budget', () => {
  test('is spent by all processes of the store together, and outlives them', () => {
    const windows = { burst: { count: 2, windowMs: 1000 } };
    expect(new TakeoverBudget(store, windows).spend(10_000).allowed).toBe(true);
    store.close();
    store = openStore({ name });
    const budget = new TakeoverBudget(store, windows);
    expect(budget.spend(10_100).allowed).toBe(true);
    expect(budget.spend(10_200)).toEqual({ allowed: false, full: 'burst', nextAtMs: 11_000 });
    expect(budget.spend(11_100).allowed).toBe(true);
  });
});
