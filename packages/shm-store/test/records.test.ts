// Records: read and written in place, exactly typed, and never garbage.

import { describe, expect, expectTypeOf, test } from 'vitest';
import { createRecord, freeRecord, newRecord, toPlain } from '../src/records/create-record.ts';
import { isRecordLive, isSameRecord, openRecord, requirePlace } from '../src/records/open-record.ts';
import { i64 } from '../src/types/big-integers.ts';
import { bytes, json, text } from '../src/types/blob-type.ts';
import { boolean, f64, i32, timestamp, u8 } from '../src/types/numbers.ts';
import { oneOf } from '../src/types/one-of.ts';
import { optional } from '../src/types/optional.ts';
import { record } from '../src/types/record-link.ts';
import { isDangling, ref } from '../src/types/ref.ts';
import { struct } from '../src/types/struct.ts';
import type { RecordType } from '../src/types/struct-type.ts';
import { attach, code, liveBlocks, openStore } from './types-fixture.ts';

const Person = struct('Person', {
  name: text(),
  age: u8(),
});

const Address = struct('Address', { street: text(), zip: i32(), point: optional(f64()) });

const Account = struct('Account', {
  owner: text(),
  balance: f64(),
  openedAt: timestamp(),
  state: oneOf('open', 'closed'),
  address: Address,
  extra: json<{ tags: string[] } | null>(),
  manager: optional(ref(() => Person)),
});

describe('a declaration gives exact types', () => {
  test('of what is read, what is written and what may be left out', () => {
    type A = RecordType<typeof Account>;
    expectTypeOf<A['owner']>().toEqualTypeOf<string>();
    expectTypeOf<A['balance']>().toEqualTypeOf<number>();
    expectTypeOf<A['state']>().toEqualTypeOf<'open' | 'closed'>();
    expectTypeOf<A['address']['point']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<A['extra']>().toEqualTypeOf<{ tags: string[] } | null>();
    expectTypeOf<Exclude<A['manager'], undefined>['age']>().toEqualTypeOf<number>();
    const Loan = struct('Loan', { to: ref(() => Person), amount: f64() });
    type Input = Parameters<typeof newRecord<typeof Loan.fields>>[2];
    expectTypeOf<{ amount: number }>().not.toExtend<NonNullable<Input>>();
    expectTypeOf<{ to: RecordType<typeof Person> }>().toExtend<NonNullable<Input>>();
    expectTypeOf<{ to: RecordType<typeof Person>; amount: string }>().not.toExtend<NonNullable<Input>>();
  });

  test('and types may refer to themselves and to each other', () => {
    interface NodeRecord {
      name: string;
      next: NodeRecord | undefined;
    }
    const Node = struct('Node', {
      name: text(),
      get next() {
        return optional(ref(() => Node));
      },
    });
    expectTypeOf<RecordType<typeof Node>['name']>().toEqualTypeOf<string>();
    expectTypeOf<RecordType<typeof Node>>().toExtend<NodeRecord>();
    const { memory } = openStore();
    const node = memory.run(() => {
      const made = newRecord(memory, Node, { name: 'self' });
      made.next = made;
      return made;
    });
    expect(node.next?.next?.next?.name).toBe('self');
  });
});

test('types that refer to each other are typed all the way', () => {
  const Author = struct('Author', {
    name: text(),
    get best() {
      return optional(ref(() => Book));
    },
  });
  const Book = struct('Book', {
    title: text(),
    get by() {
      return ref(() => Author);
    },
  });
  const { memory } = openStore();
  const author = memory.run(() => {
    const made = newRecord(memory, Author, { name: 'Ada' });
    made.best = newRecord(memory, Book, { title: 'Notes', by: made });
    return made;
  });
  expectTypeOf<Exclude<typeof author.best, undefined>['by']['name']>().toEqualTypeOf<string>();
  expect(author.best?.by.best?.title).toBe('Notes');
  expect(JSON.parse(JSON.stringify(author))).toMatchObject({ name: 'Ada', best: { ref: 'Book', dangling: false } });
});

describe('a read outside a transaction', () => {
  test('is repeated when a commit came in between, and lets no error out before', () => {
    const { memory } = openStore();
    const person = memory.run(() => newRecord(memory, Person, { name: 'Grace' }));
    const { block } = requirePlace(person);
    const { door } = memory;
    const entry = memory.catalog.entry(memory.heap.layoutOf(block));
    const { word } = entry.fields.get('name') as { word: number };
    const link = door.at(block + 1 + (word >> 2)) + (word & 3);
    const { words } = door;
    const good = words[link] as number;
    const endRead = door.endRead.bind(door);
    let attempts = 0;
    door.endRead = (sequence) => {
      attempts++;
      if (attempts > 1) return endRead(sequence);
      words[link] = good;
      return false;
    };
    words[link] = 77777;
    expect(person.name).toBe('Grace');
    expect(attempts).toBe(2);
    words[link] = 77777;
    expect(() => person.name).toThrow(code('CORRUPT'));
  });
});

describe('a record', () => {
  test('may own records of its own type', () => {
    const { memory } = openStore();
    const Chain = struct('Chain', {
      name: text(),
      get next() {
        return optional(record(() => Chain));
      },
    });
    const chain = memory.run(() => newRecord(memory, Chain, { name: 'a', next: { name: 'b', next: { name: 'c' } } }));
    expect(chain.next?.next?.name).toBe('c');
    const last = chain.next?.next as object;
    memory.run(() => {
      chain.next = undefined;
    });
    expect(isRecordLive(last)).toBe(false);
  });

  test('starts with defaults for what is left out', () => {
    const { memory } = openStore();
    const account = memory.run(() => newRecord(memory, Account));
    expect(toPlain(account)).toEqual({
      owner: '',
      balance: 0,
      openedAt: 0,
      state: 'open',
      address: { street: '', zip: 0, point: undefined },
      extra: null,
      manager: undefined,
    });
  });

  test('is changed in place, and another program sees it', () => {
    const { memory, native } = openStore();
    const account = memory.run(() =>
      newRecord(memory, Account, { owner: 'Alice', balance: 100, address: { zip: 80331 } }),
    );
    memory.run(() => {
      account.balance += 5;
      account.address.street = 'Höhe 3';
      account.address.point = -0;
      account.extra = { tags: ['a'] };
      expect(account.balance).toBe(105);
    });
    const other = attach(native).memory;
    const same = openRecord(other, Account, requirePlace(account).block);
    expect(same.balance).toBe(105);
    expect(same.address).toMatchObject({});
    expect(toPlain(same.address)).toEqual({ street: 'Höhe 3', zip: 80331, point: -0 });
    expect(same.extra).toEqual({ tags: ['a'] });
  });

  test('is read-only outside a transaction', () => {
    const { memory } = openStore();
    const account = memory.run(() => newRecord(memory, Account));
    expect(() => {
      account.balance = 1;
    }).toThrow(code('READ_ONLY', 'set Account.balance'));
    expect(() => {
      account.owner = 'x';
    }).toThrow(code('READ_ONLY', 'set Account.owner'));
    expect(() => newRecord(memory, Account)).toThrow(code('READ_ONLY'));
    expect(toPlain(account)).toMatchObject({ balance: 0, owner: '' });
  });

  test('takes back everything when the transaction throws', () => {
    const { memory } = openStore();
    const account = memory.run(() => newRecord(memory, Account, { owner: 'before', balance: 1 }));
    expect(() =>
      memory.run(() => {
        account.owner = 'after';
        account.balance = 2;
        account.address = memory.run(() => newRecord(memory, struct('Other', { a: Address }), { a: { zip: 9 } })).a;
        expect(account.address.zip).toBe(9);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(toPlain(account)).toMatchObject({ owner: 'before', balance: 1, address: { zip: 0 } });
  });

  test('refuses what does not fit, naming the place', () => {
    const { memory } = openStore();
    const refused: [unknown, string][] = [
      [{ balance: 'x' }, 'Account.balance: expected a number, got "x"'],
      [{ owner: 7 }, 'Account.owner: expected a string, got 7'],
      [{ address: { zip: 1.5 } }, 'Account.address.zip: expected an integer from -2147483648 to 2147483647, got 1.5'],
      [{ address: { point: true } }, 'Account.address.point: expected a number, got true'],
      [{ state: 'shut' }, 'Account.state: expected one of "open", "closed", got "shut"'],
      [{ manager: {} }, 'Account.manager: expected a Person record of this store'],
      [{ balanse: 1 }, 'Account.balanse: expected no field of that name'],
      [[], 'Account: expected an object, got an array'],
    ];
    memory.run(() => newRecord(memory, Account));
    for (const [input, message] of refused) {
      expect(() => memory.run(() => createRecord(memory, Account, input as never)), message).toThrow(
        code('INVALID_VALUE', message),
      );
    }
    const account = memory.run(() => newRecord(memory, Account, { balance: 3 }));
    memory.run(() => {
      expect(() => {
        account.address = { zip: 'x' } as never;
      }).toThrow(code('INVALID_VALUE', 'Account.address.zip'));
      expect(() => {
        account.balance = undefined as never;
      }).toThrow(code('INVALID_VALUE', 'Account.balance'));
    });
    expect(account.balance).toBe(3);
  });

  test('leaves nothing behind when its input is refused and the transaction goes on', () => {
    const { memory, native } = openStore();
    memory.run(() => newRecord(memory, Account));
    const before = liveBlocks(native);
    memory.run(() => {
      for (let n = 0; n < 3; n++) {
        expect(() =>
          newRecord(memory, Account, { owner: 'a longer text', extra: { tags: [] }, manager: {} as never }),
        ).toThrow(code('INVALID_VALUE'));
      }
    });
    expect(liveBlocks(native)).toBe(before);
  });

  test('once deleted is DANGLING_REF, also when its place is used anew', () => {
    const { memory } = openStore();
    const account = memory.run(() => newRecord(memory, Account, { owner: 'Alice' }));
    const { block } = requirePlace(account);
    memory.run(() => freeRecord(memory, block));
    expect(isRecordLive(account)).toBe(false);
    expect(() => account.balance).toThrow(code('DANGLING_REF', 'Account.balance'));
    expect(() => account.owner).toThrow(code('DANGLING_REF', 'Account.owner'));
    const anew = memory.run(() => newRecord(memory, Account, { owner: 'Bob' }));
    expect(requirePlace(anew).block).toBe(block);
    expect(() => account.owner).toThrow(code('DANGLING_REF'));
    expect(() =>
      memory.run(() => {
        account.balance = 1;
      }),
    ).toThrow(code('DANGLING_REF'));
    expect(isSameRecord(account, anew)).toBe(false);
    expect(isSameRecord(anew, openRecord(memory, Account, block))).toBe(true);
  });

  test('opened where no record starts is CORRUPT, of another type WRONG_TYPE', () => {
    const { memory } = openStore();
    const account = memory.run(() => newRecord(memory, Account));
    const person = memory.run(() => newRecord(memory, Person));
    const { block } = requirePlace(account);
    for (const wrong of [0, 1, -1, block + 1, block + 3, 0x7fffffff, 1024 * 5]) {
      expect(() => openRecord(memory, Account, wrong)).toThrow(code('CORRUPT'));
    }
    expect(() => openRecord(memory, Account, requirePlace(person).block)).toThrow(code('WRONG_TYPE'));
  });

  test('shows itself as JSON', () => {
    const { memory } = openStore();
    const Wide = struct('Wide', {
      big: i64(),
      raw: bytes(),
      inner: Person,
      friend: optional(ref(() => Person)),
      yes: boolean(),
    });
    const wide = memory.run(() => {
      const friend = newRecord(memory, Person, { name: 'Fred' });
      return newRecord(memory, Wide, { big: -5n, raw: Uint8Array.of(1, 2), inner: { name: 'In' }, friend, yes: true });
    });
    expect(JSON.parse(JSON.stringify(wide))).toMatchObject({
      big: '-5',
      raw: 'AQI=',
      inner: { name: 'In', age: 0 },
      friend: { ref: 'Person', dangling: false },
      yes: true,
    });
  });
});

describe('a ref', () => {
  test('gives the record, and dangles when that is deleted', () => {
    const { memory } = openStore();
    const [account, person] = memory.run(() => {
      const made = newRecord(memory, Person, { name: 'Ada', age: 36 });
      return [newRecord(memory, Account, { manager: made }), made];
    });
    expect(account.manager?.name).toBe('Ada');
    expect(isSameRecord(account.manager as object, person)).toBe(true);
    expect(isDangling(account, 'manager')).toBe(false);
    memory.run(() => freeRecord(memory, requirePlace(person).block));
    expect(() => account.manager).toThrow(code('DANGLING_REF', 'leads to a Person'));
    expect(isDangling(account, 'manager')).toBe(true);
    expect(JSON.parse(JSON.stringify(account))).toMatchObject({ manager: { dangling: true } });
    memory.run(() => {
      account.manager = undefined;
    });
    expect(account.manager).toBeUndefined();
    expect(isDangling(account, 'manager')).toBe(false);
  });

  test('never set is DANGLING_REF where it is not optional, and cannot be left out', () => {
    const { memory } = openStore();
    const Loan = struct('Loan', { to: ref(() => Person) });
    expect(() => memory.run(() => newRecord(memory, Loan, {} as never))).toThrow(code('INVALID_VALUE', 'Loan.to'));
  });

  test('refuses records of other stores, deleted ones and structs inside records', () => {
    const { memory } = openStore();
    const other = openStore().memory;
    const stranger = other.run(() => newRecord(other, Person));
    const account = memory.run(() => newRecord(memory, Account));
    const Holder = struct('Holder', { inner: Person, to: optional(ref(() => Person)) });
    memory.run(() => {
      const holder = newRecord(memory, Holder);
      const dead = newRecord(memory, Person);
      freeRecord(memory, requirePlace(dead).block);
      for (const wrong of [stranger, account, dead, holder.inner]) {
        expect(() => {
          holder.to = wrong as never;
        }).toThrow(code('INVALID_VALUE', 'Holder.to'));
      }
    });
  });
});

describe('an owned record', () => {
  const Owner = struct('Owner', { home: record(Address), count: i32() });

  test('is made and deleted with its owner, and replaced by writing', () => {
    const { memory } = openStore();
    const owner = memory.run(() => newRecord(memory, Owner, { home: { zip: 1 } }));
    const first = owner.home;
    memory.run(() => {
      owner.home.zip += 1;
      owner.home = first;
    });
    expect(isSameRecord(first, owner.home)).toBe(true);
    memory.run(() => {
      owner.home = { street: 'new', zip: 7, point: undefined };
    });
    expect(isRecordLive(first)).toBe(false);
    const second = owner.home;
    expect(toPlain(owner)).toEqual({ home: { street: 'new', zip: 7, point: undefined }, count: 0 });
    memory.run(() => freeRecord(memory, requirePlace(owner).block));
    expect(isRecordLive(second)).toBe(false);
  });
});
