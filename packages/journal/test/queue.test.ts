// The queue against an array.

import { boolean, type FieldType, f64, struct, text } from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queue } from '../src/collections/queue.ts';
import { openScratch } from './tree-support.ts';

const cases = [
  { name: 'one word', type: boolean(), value: fc.boolean() },
  { name: 'two words', type: f64(), value: fc.integer() },
  { name: 'text', type: text(), value: fc.string({ maxLength: 30 }) },
] as unknown as readonly { name: string; type: FieldType<unknown>; value: fc.Arbitrary<unknown> }[];

describe.each(cases)('a queue of values of $name', ({ type, value }) => {
  it('gives what it got, in order, and frees what it held', () => {
    const command = fc.record({
      push: fc.boolean(),
      count: fc.integer({ min: 1, max: 300 }),
      value,
      fails: fc.boolean(),
      clear: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), (sequence) => {
        const scratch = openScratch(2 * 2 ** 20);
        const queueType = queue(type);
        const before = scratch.liveBlocks();
        const { handle, header } = scratch.make(queueType);
        let model: unknown[] = [];
        for (const step of sequence) {
          const after = model.slice();
          const attempt = (): void =>
            scratch.transaction(() => {
              for (let k = 0; k < step.count; k++) {
                if (step.push) expect(handle.push(step.value)).toBe(after.push(step.value));
                else expect(handle.shift()).toEqual(after.shift());
              }
              expect(handle.peek()).toEqual(after[0]);
              if (step.clear === 0) handle.clear();
              if (step.fails) throw new Error('rolled back');
            });
          if (step.fails) expect(attempt).toThrow('rolled back');
          else {
            attempt();
            model = step.clear === 0 ? [] : after;
          }
          expect(handle.length).toBe(model.length);
        }
        expect([...handle]).toEqual(model);
        const walk = scratch.walk(queueType, header);
        expect(walk.problems).toEqual([]);
        expect(scratch.liveBlocks()).toBe(before + walk.owned.length);
        scratch.release(queueType, header);
        expect(scratch.liveBlocks()).toBe(before);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a queue', () => {
  const Job = struct('Job', { name: text(), tries: f64() });

  it('of structs shows the first as a record and hands it out as a plain object', () => {
    const { handle } = openScratch().make(queue(Job));
    handle.push({ name: 'a', tries: 1 });
    expect(handle.peek()?.name).toBe('a');
    expect(handle.shift()).toEqual({ name: 'a', tries: 1 });
    expect(handle.shift()).toBeUndefined();
  });

  it('stays sound when a value is refused', () => {
    const scratch = openScratch();
    const type = queue(Job);
    const { handle, header } = scratch.make(type);
    scratch.transaction(() => {
      expect(() => handle.push({ name: 1 } as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
      handle.push({ name: 'b', tries: 0 });
    });
    expect(handle.toArray().map((job) => job.name)).toEqual(['b']);
    expect(scratch.walk(type, header).problems).toEqual([]);
  });

  it('says when it is gone: DANGLING_REF', () => {
    const scratch = openScratch();
    const type = queue(f64());
    const { handle, header } = scratch.make(type);
    scratch.release(type, header);
    expect(() => handle.shift()).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
  });
});
