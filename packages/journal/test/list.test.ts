// The list against an array.

import { boolean, type FieldType, f64, optional, struct, text } from '@mofo/shm-store';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { list } from '../src/collections/list.ts';
import { openScratch } from './tree-support.ts';

type Command<V> =
  | { readonly op: 'push' | 'unshift'; readonly value: V }
  | { readonly op: 'pop' | 'shift' | 'clear' }
  | { readonly op: 'fill'; readonly value: V; readonly count: number }
  | { readonly op: 'empty'; readonly count: number }
  | { readonly op: 'get' | 'set' | 'insert' | 'remove'; readonly index: number; readonly value: V }
  | { readonly op: 'rollback'; readonly value: V };

function commands<V>(value: fc.Arbitrary<V>): fc.Arbitrary<Command<V>[]> {
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ op: fc.constantFrom('push' as const, 'unshift' as const), value }) },
      {
        weight: 3,
        arbitrary: fc.record({
          op: fc.constantFrom('pop' as const, 'shift' as const, 'pop' as const, 'clear' as const),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constant('fill' as const), value, count: fc.integer({ min: 1, max: 400 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ op: fc.constant('empty' as const), count: fc.integer({ min: 1, max: 400 }) }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          op: fc.constantFrom('get' as const, 'set' as const, 'insert' as const, 'remove' as const),
          index: fc.nat(500),
          value,
        }),
      },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('rollback' as const), value }) },
    ),
    { maxLength: 30 },
  );
}

const cases = [
  { name: 'one word', type: boolean(), value: fc.boolean() },
  { name: 'two words', type: f64(), value: fc.integer() },
  { name: 'text', type: text(), value: fc.string({ maxLength: 30 }) },
  { name: 'four words', type: optional(f64()), value: fc.option(fc.integer(), { nil: undefined }) },
] as unknown as readonly { name: string; type: FieldType<unknown>; value: fc.Arbitrary<unknown> }[];

describe.each(cases)('a list of values of $name', ({ type, value }) => {
  it('does what an array does, and frees what it held', () => {
    fc.assert(
      fc.property(commands(value), (sequence) => {
        const scratch = openScratch(2 * 2 ** 20);
        const listType = list(type);
        const before = scratch.liveBlocks();
        const { handle, header } = scratch.make(listType);
        let model: unknown[] = [];
        for (const command of sequence) {
          switch (command.op) {
            case 'push':
            case 'unshift':
              expect(handle[command.op](command.value)).toBe(model[command.op](command.value));
              break;
            case 'pop':
            case 'shift':
              expect(handle[command.op]()).toEqual(model[command.op]());
              break;
            case 'clear':
              handle.clear();
              model = [];
              break;
            case 'fill':
              scratch.transaction(() => {
                for (let k = 0; k < command.count; k++) handle.push(command.value);
              });
              model.push(...new Array(command.count).fill(command.value));
              break;
            case 'empty':
              scratch.transaction(() => {
                for (let k = 0; k < command.count; k++) handle.pop();
              });
              model.splice(Math.max(0, model.length - command.count));
              break;
            case 'get':
              expect(handle.get(command.index)).toEqual(model[command.index]);
              expect(handle.get(-1 - command.index)).toEqual(model.at(-1 - command.index));
              break;
            case 'set':
              if (command.index < model.length) {
                handle.set(command.index, command.value);
                model[command.index] = command.value;
              } else {
                expect(() => handle.set(command.index, command.value)).toThrow(
                  expect.objectContaining({ code: 'INDEX_OUT_OF_RANGE' }),
                );
              }
              break;
            case 'insert':
              if (command.index > model.length) break;
              expect(handle.insert(command.index, command.value)).toBe(model.length + 1);
              model.splice(command.index, 0, command.value);
              break;
            case 'remove':
              if (command.index >= model.length) break;
              expect(handle.remove(command.index)).toEqual(model.splice(command.index, 1)[0]);
              break;
            case 'rollback':
              expect(() =>
                scratch.transaction(() => {
                  handle.push(command.value);
                  handle.shift();
                  throw new Error('rolled back');
                }),
              ).toThrow('rolled back');
              break;
          }
          expect(handle.length).toBe(model.length);
        }
        expect(handle.toArray()).toEqual(model);
        expect([...handle]).toEqual(model);
        const walk = scratch.walk(listType, header);
        expect(walk.problems).toEqual([]);
        expect(scratch.liveBlocks()).toBe(before + walk.owned.length);
        scratch.release(listType, header);
        expect(scratch.liveBlocks()).toBe(before);
      }),
      { numRuns: 40 },
    );
  });
});

describe('a list', () => {
  const Point = struct('Point', { x: f64(), y: f64() });

  it('of structs hands records out, and plain objects when it deletes them', () => {
    const scratch = openScratch();
    const type = list(Point);
    const { handle, header } = scratch.make(type);
    handle.push({ x: 1, y: 2 });
    handle.push({ x: 3, y: 4 });
    expect(handle.get(1)?.x).toBe(3);
    expect(handle.shift()).toEqual({ x: 1, y: 2 });
    expect(handle.length).toBe(1);
    expect(scratch.walk(type, header).problems).toEqual([]);
  });

  it('is as it was after a value was refused, also when the program goes on in the same transaction', () => {
    const scratch = openScratch();
    const type = list(Point);
    const { handle, header } = scratch.make(type);
    scratch.transaction(() => {
      for (let k = 0; k < 124; k++) handle.push({ x: k, y: 0 });
      expect(() => handle.push({ x: 'no' } as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
      expect(() => handle.insert(5, { x: 'no' } as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    });
    expect(handle.toArray().map((point) => point.x)).toEqual(Array.from({ length: 124 }, (_, k) => k));
    const walk = scratch.walk(type, header);
    expect(walk.problems).toEqual([]);
    // Header, one chunk, the root above it (a list that has grown a level keeps it until it is empty), and the records.
    expect(walk.owned.length).toBe(1 + 1 + 1 + 124);
  });

  it('grows over several levels', () => {
    const scratch = openScratch(16 * 2 ** 20);
    const type = list(f64());
    const { handle, header } = scratch.make(type);
    const count = 62 * 124 + 100;
    scratch.transaction(() => {
      for (let k = 0; k < count; k++) handle.push(k);
    });
    expect([0, 61, 62, 62 * 124 - 1, 62 * 124, count - 1].map((k) => handle.get(k))).toEqual([
      0,
      61,
      62,
      62 * 124 - 1,
      62 * 124,
      count - 1,
    ]);
    expect(scratch.walk(type, header).problems).toEqual([]);
    handle.clear();
    expect(scratch.walk(type, header).owned).toEqual([header]);
  });

  it('refuses collections as values: VALUE_TYPE_INVALID', () => {
    expect(() => list(list(f64()))).toThrow(expect.objectContaining({ code: 'VALUE_TYPE_INVALID' }));
  });

  it('says when it is gone: DANGLING_REF', () => {
    const scratch = openScratch();
    const type = list(f64());
    const { handle, header } = scratch.make(type);
    scratch.release(type, header);
    expect(() => handle.length).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
    expect(() => handle.push(1)).toThrow(expect.objectContaining({ code: 'DANGLING_REF' }));
  });
});
