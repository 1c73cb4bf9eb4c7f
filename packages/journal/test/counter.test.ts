// The counter.

import { describe, expect, it } from 'vitest';
import { counter } from '../src/collections/counter.ts';
import { openScratch } from './tree-support.ts';

describe('a counter', () => {
  it('adds, alone and inside transactions, and forgets what is rolled back', () => {
    const scratch = openScratch();
    const { handle } = scratch.make(counter());
    expect(handle.value).toBe(0);
    expect(handle.add()).toBe(1);
    expect(handle.add(2.5)).toBe(3.5);
    scratch.transaction(() => {
      handle.add(-3);
      expect(() =>
        scratch.transaction(() => {
          handle.set(1000);
          throw new Error('rolled back');
        }),
      ).toThrow('rolled back');
      expect(handle.value).toBe(0.5);
    });
    expect(JSON.stringify({ handle })).toBe('{"handle":0.5}');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number])('refuses %s: INVALID_VALUE', (value) => {
    const { handle } = openScratch().make(counter());
    handle.set(7);
    expect(() => handle.set(value)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    expect(handle.value).toBe(7);
  });

  it('says when it is gone: DANGLING_REF', () => {
    const scratch = openScratch();
    const { handle, header } = scratch.make(counter());
    scratch.release(counter(), header);
    expect(() => handle.value).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
    expect(() => handle.add()).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
  });
});
