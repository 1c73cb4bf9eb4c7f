// Programs of different ages on one store: what may be added, what is refused, and what a migration starts from (R15-R17).

import { describe, expect, test } from 'vitest';
import { freeRecord, newRecord, toPlain } from '../src/records/create-record.ts';
import { isRecordLive, openRecord, requirePlace } from '../src/records/open-record.ts';
import { readAsPlain } from '../src/records/read-as-plain.ts';
import { text } from '../src/types/blob-type.ts';
import { raiseFloor } from '../src/types/catalog.ts';
import { f64, i32, timestamp } from '../src/types/numbers.ts';
import { optional } from '../src/types/optional.ts';
import { record } from '../src/types/record-link.ts';
import { ref } from '../src/types/ref.ts';
import { struct } from '../src/types/struct.ts';
import type { StructType } from '../src/types/struct-type.ts';
import { visitBlock } from '../src/types/visit-block.ts';
import { withDefault } from '../src/types/with-default.ts';
import { attach, code, liveBlocks, openStore, Recorder } from './types-fixture.ts';

const Old = struct('Account', { owner: text(), balance: f64() });
const New = struct('Account', {
  owner: text(),
  balance: f64(),
  openedAt: timestamp(),
  note: text(),
  limit: withDefault(f64(), 500),
});

const layout = (struct: unknown): StructType => struct as StructType;

describe('fields added to a type', () => {
  test('are read as defaults from records made before, and written beside them', () => {
    const old = openStore();
    const made = old.memory.run(() => newRecord(old.memory, Old, { owner: 'Alice', balance: 100 }));
    const { memory } = attach(old.native);
    memory.catalog.resolve(layout(New));
    const seen = openRecord(memory, New, requirePlace(made).block);
    expect(toPlain(seen)).toEqual({ owner: 'Alice', balance: 100, openedAt: 0, note: '', limit: 500 });
    memory.run(() => {
      seen.note = 'new';
      seen.balance += 1;
    });
    expect(toPlain(seen)).toEqual({ owner: 'Alice', balance: 101, openedAt: 0, note: 'new', limit: 500 });
    expect(toPlain(made)).toEqual({ owner: 'Alice', balance: 101 });
  });

  test('are kept by older code that changes the record, and freed by older code that deletes it', () => {
    const old = openStore();
    const { memory, native } = attach(old.native);
    memory.run(() => newRecord(memory, Old));
    memory.run(() => newRecord(memory, New));
    const before = liveBlocks(native);
    const made = memory.run(() => newRecord(memory, New, { owner: 'Bob', openedAt: 7, note: 'a text of its own' }));
    const { block } = requirePlace(made);
    const seen = openRecord(old.memory, Old, block);
    old.memory.run(() => {
      seen.owner = 'Robert';
      seen.balance = 3;
    });
    expect(toPlain(made)).toEqual({ owner: 'Robert', balance: 3, openedAt: 7, note: 'a text of its own', limit: 500 });
    old.memory.run(() => freeRecord(old.memory, block));
    expect(isRecordLive(made)).toBe(false);
    expect(liveBlocks(native)).toBe(before);
  });

  test('by two programs that do not know of each other, live side by side', () => {
    const first = openStore();
    const second = attach(first.native);
    const third = attach(first.native);
    const A = struct('Account', { owner: text(), balance: f64(), a: i32() });
    const B = struct('Account', { owner: text(), balance: f64(), b: text() });
    const Both = struct('Account', { owner: text(), balance: f64(), a: i32(), b: text() });
    const made = first.memory.run(() => newRecord(first.memory, Old, { owner: 'x' }));
    const { block } = requirePlace(made);
    expect(first.memory.catalog.resolve(layout(A))).toBe(second.memory.catalog.resolve(layout(B)));
    const a = openRecord(first.memory, A, block);
    const b = openRecord(second.memory, B, block);
    first.memory.run(() => {
      a.a = 5;
    });
    second.memory.run(() => {
      b.b = 'five';
    });
    const entries = third.memory.catalog.entries().length;
    third.memory.catalog.resolve(layout(Both));
    expect(third.memory.catalog.entries().length).toBe(entries);
    expect(toPlain(openRecord(third.memory, Both, block))).toEqual({ owner: 'x', balance: 0, a: 5, b: 'five' });
    expect([a.a, b.b, made.owner]).toEqual([5, 'five', 'x']);
  });

  test('may be records of their own, made at the first reading', () => {
    const old = openStore();
    const made = old.memory.run(() => newRecord(old.memory, Old));
    const { memory } = attach(old.native);
    const Home = struct('Home', { city: text() });
    const Grown = struct('Account', { owner: text(), balance: f64(), home: record(Home) });
    memory.catalog.resolve(layout(Grown));
    const grown = openRecord(memory, Grown, requirePlace(made).block);
    expect(grown.home.city).toBe('');
    memory.run(() => {
      grown.home.city = 'Ulm';
    });
    expect(openRecord(memory, Grown, requirePlace(made).block).home.city).toBe('Ulm');
  });

  test('may be refs to the type itself, and are shown as JSON without going in a circle', () => {
    const old = openStore();
    const made = old.memory.run(() => newRecord(old.memory, Old, { owner: 'x' }));
    const { memory } = attach(old.native);
    const Grown = struct('Account', {
      owner: text(),
      balance: f64(),
      get twin() {
        return optional(ref(() => Grown));
      },
    });
    memory.catalog.resolve(layout(Grown));
    const grown = openRecord(memory, Grown, requirePlace(made).block);
    expect(JSON.stringify(grown)).toBe('{"owner":"x","balance":0}');
    memory.run(() => {
      grown.twin = grown;
    });
    expect(grown.twin?.twin?.owner).toBe('x');
    expect(JSON.parse(JSON.stringify(grown))).toMatchObject({ owner: 'x', twin: { ref: 'Account', dangling: false } });
  });

  test('are forgotten when the transaction that added them rolls back', () => {
    const { memory, native } = openStore();
    const made = memory.run(() => newRecord(memory, Old));
    const before = memory.catalog.entries().length;
    expect(() =>
      memory.run(() => {
        newRecord(memory, New, { note: 'x' });
        newRecord(memory, struct('Never', { a: f64() }));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(memory.catalog.entries().length).toBe(before);
    const Instead = struct('Instead', { b: text() });
    const instead = memory.run(() => newRecord(memory, Instead, { b: 'here' }));
    expect(toPlain(openRecord(memory, Instead, requirePlace(instead).block))).toEqual({ b: 'here' });
    expect(() => openRecord(memory, struct('Never', { a: f64() }), requirePlace(instead).block)).toThrow(
      code('WRONG_TYPE'),
    );
    const again = memory.run(() => newRecord(memory, New, { note: 'now' }));
    expect(toPlain(openRecord(attach(native).memory, New, requirePlace(again).block)).note).toBe('now');
    expect(made.owner).toBe('');
  });
});

describe('a change that older code could not read', () => {
  const changes: [string, StructType, string][] = [
    [
      'a field of another type',
      layout(struct('Account', { owner: text(), balance: i32() })),
      'field balance is declared as',
    ],
    ['a field less', layout(struct('Account', { owner: text() })), 'field balance is no longer declared'],
    [
      'a new field without a default',
      layout(struct('Account', { owner: text(), balance: f64(), boss: ref(() => Old) })),
      'the new field boss has no default',
    ],
    [
      'an optional that was none',
      layout(struct('Account', { owner: optional(text()), balance: f64() })),
      'field owner is declared as',
    ],
  ];
  for (const [name, changed, message] of changes) {
    test(`is refused: ${name}`, () => {
      const { memory } = openStore();
      memory.run(() => newRecord(memory, Old));
      const before = memory.catalog.entries().length;
      expect(() => memory.catalog.resolve(changed)).toThrow(code('TYPE_MISMATCH', message));
      expect(() => memory.run(() => newRecord(memory, changed))).toThrow(code('TYPE_MISMATCH', message));
      expect(memory.catalog.entries().length).toBe(before);
    });
  }

  test('but another order of the fields, and another default, are no change', () => {
    const { memory } = openStore();
    const id = memory.catalog.resolve(layout(New));
    const Same = struct('Account', {
      limit: withDefault(f64(), 9),
      note: text(),
      openedAt: timestamp(),
      balance: f64(),
      owner: text(),
    });
    expect(memory.catalog.resolve(layout(Same))).toBe(id);
    expect(memory.catalog.entries().length).toBe(1);
  });
});

describe('a migration', () => {
  const Changed = struct('Account', { owner: text(), cents: i32() });

  /** A store with an old record and a new one, both layouts in the catalog. */
  function migrating() {
    const old = openStore();
    const made = old.memory.run(() => newRecord(old.memory, New, { owner: 'Alice', balance: 1.5, note: 'n' }));
    const fresh = attach(old.native);
    const layoutId = fresh.memory.catalog.declareBreaking(layout(Changed));
    return { old, fresh, made, block: requirePlace(made).block, layoutId };
  }

  test('starts from the old record as its own layout describes it', () => {
    const { fresh, block } = migrating();
    const { memory } = fresh;
    const plain = readAsPlain(memory, block);
    expect(plain).toMatchObject({
      name: 'Account',
      version: 1,
      value: { owner: 'Alice', balance: 1.5, note: 'n', limit: 500, openedAt: 0 },
    });
    const migrated = memory.run(() => newRecord(memory, Changed, { owner: plain.value.owner as string, cents: 150 }));
    expect(readAsPlain(memory, requirePlace(migrated).block)).toMatchObject({
      name: 'Account',
      version: 2,
      value: { owner: 'Alice', cents: 150 },
    });
  });

  test('gives the new layout an id and version of its own, once', () => {
    const { old, fresh, layoutId } = migrating();
    expect(fresh.memory.catalog.declareBreaking(layout(Changed))).toBe(layoutId);
    expect(fresh.memory.catalog.resolve(layout(Changed))).toBe(layoutId);
    expect(fresh.memory.catalog.entry(layoutId)).toMatchObject({ name: 'Account', version: 2, base: layoutId });
    expect(old.memory.catalog.resolve(layout(New))).toBeLessThan(layoutId);
  });

  test('leaves records of either layout readable to either program, as far as they share fields', () => {
    const { old, fresh, block } = migrating();
    const seen = openRecord(fresh.memory, Changed, block);
    expect([seen.owner, seen.cents]).toEqual(['Alice', 0]);
    fresh.memory.run(() => {
      seen.owner = 'Alicia';
      expect(() => {
        seen.cents = 5;
      }).toThrow(code('TYPE_MISMATCH', 'Account.cents'));
    });
    const migrated = fresh.memory.run(() => newRecord(fresh.memory, Changed, { owner: 'Bob', cents: 7 }));
    const backwards = openRecord(old.memory, New, requirePlace(migrated).block);
    expect([backwards.owner, backwards.balance]).toEqual(['Bob', 0]);
    const Other = struct('Account', { owner: f64() });
    expect(() => openRecord(old.memory, Other, requirePlace(migrated).block).owner).toThrow(
      code('TYPE_MISMATCH', 'Account.owner'),
    );
  });

  test('strands older code only once the floor is raised, and then says so', () => {
    const { old, fresh, layoutId } = migrating();
    expect(old.memory.run(() => newRecord(old.memory, New)).owner).toBe('');
    raiseFloor(fresh.memory, layoutId);
    expect(() => old.memory.run(() => newRecord(old.memory, New))).toThrow(code('FLOOR_TOO_HIGH', 'Account'));
    expect(() => attach(old.native).memory.catalog.resolve(layout(New))).toThrow(code('FLOOR_TOO_HIGH'));
    expect(fresh.memory.catalog.resolve(layout(Changed))).toBe(layoutId);
    raiseFloor(fresh.memory, 64);
    expect(fresh.memory.catalog.floor).toBe(layoutId);
    expect(() => raiseFloor(fresh.memory, 4711)).toThrow(code('TYPE_UNKNOWN'));
  });

  test('a floor raised in a transaction that rolls back strands nobody', () => {
    const { old, fresh, layoutId } = migrating();
    expect(() =>
      fresh.memory.run(() => {
        raiseFloor(fresh.memory, layoutId);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(old.memory.run(() => newRecord(old.memory, New)).owner).toBe('');
  });
});

test('a record and its extensions are visited by the catalog alone', () => {
  const old = openStore();
  old.memory.run(() => newRecord(old.memory, Old));
  const { memory, native } = attach(old.native);
  const made = memory.run(() => newRecord(memory, New, { owner: 'Eve', balance: 2, note: 'hidden' }));
  const recorder = new Recorder();
  visitBlock(attach(native).memory, requirePlace(made).block, { kind: 'record', name: 'Account' }, recorder);
  expect(recorder.scalars).toEqual({ owner: 'Eve', balance: 2, openedAt: 0, note: 'hidden', limit: 500 });
  expect(recorder.owns.map(({ path, type }) => [path, type.kind])).toEqual([
    ['owner', 'text'],
    ['', 'extension'],
    ['note', 'text'],
  ]);
  expect(recorder.problems).toEqual([]);
});
