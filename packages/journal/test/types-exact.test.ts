// The TypeScript types that a declaration gives, exactly. This file is compiled by `pnpm types`: a wrong use that the compiler accepts is an
// expectation of an error that is not met. Nothing in the function that holds them runs.

import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  boolean,
  bytes,
  type Counter,
  counter,
  f64,
  i64,
  json,
  type List,
  list,
  oneOf,
  openPrivateStore,
  optional,
  type Queue,
  queue,
  record,
  ref,
  Store,
  struct,
  type Tree,
  text,
  timestamp,
  tree,
  tuple,
  withDefault,
} from '../src/index.ts';

const Address = struct('Address', { street: text(), zip: f64() });
const Person = struct('Person', {
  name: text(),
  born: timestamp(),
  get friend() {
    return optional(ref(() => Person));
  },
});
const Account = struct('Account', {
  owner: text(),
  balance: f64(),
  serial: i64(),
  active: boolean(),
  kind: oneOf('private', 'business'),
  limit: withDefault(f64(), 500),
  photo: optional(bytes()),
  extra: json(),
  address: Address,
  manager: optional(ref(() => Person)),
  creator: ref(() => Person),
  holder: record(Person),
  tags: list(text()),
  rates: tree(tuple(text(), f64()), f64()),
});

function open() {
  const root = {
    accounts: tree(text(), Account),
    pairs: tree(tuple(text(), f64(), i64()), f64()),
    people: list(Person),
    waiting: queue(text()),
    total: counter(),
    title: text(),
  };
  return new Store('types', openPrivateStore({ sizeBytes: 2 ** 20 }), root);
}

type Opened = ReturnType<typeof open>;

/** Only compiled. */
export function checkedByTheCompiler(store: Opened): void {
  const { accounts, pairs, people, waiting, total } = store.root;
  expectTypeOf(total).toEqualTypeOf<Counter>();
  expectTypeOf(waiting).toExtend<Queue<string>>();
  expectTypeOf(store.root.title).toEqualTypeOf<string>();
  expectTypeOf(pairs.first()).toExtend<[readonly [string, number, bigint], number] | undefined>();

  const account = accounts.get('alice');
  if (account === undefined) return;
  expectTypeOf(account.owner).toEqualTypeOf<string>();
  expectTypeOf(account.balance).toEqualTypeOf<number>();
  expectTypeOf(account.serial).toEqualTypeOf<bigint>();
  expectTypeOf(account.active).toEqualTypeOf<boolean>();
  expectTypeOf(account.kind).toEqualTypeOf<'private' | 'business'>();
  expectTypeOf(account.limit).toEqualTypeOf<number>();
  expectTypeOf(account.photo).toExtend<Uint8Array | undefined>();
  expectTypeOf(account.address.street).toEqualTypeOf<string>();
  expectTypeOf(account.manager?.name).toEqualTypeOf<string | undefined>();
  expectTypeOf(account.manager?.friend?.friend?.born).toEqualTypeOf<number | undefined>();
  expectTypeOf(account.creator.name).toEqualTypeOf<string>();
  expectTypeOf(account.holder.name).toEqualTypeOf<string>();
  expectTypeOf(account.tags).toExtend<List<string>>();
  expectTypeOf(account.rates.get(['a', 1])).toEqualTypeOf<number | undefined>();
  expectTypeOf(account.rates).toExtend<Tree<readonly [string, number], number, number>>();
  expectTypeOf(store.transaction(() => account.balance, { lock: 'first-write' })).toEqualTypeOf<number>();
  expectTypeOf(store.read(() => [account.owner, 1] as const)).toEqualTypeOf<readonly [string, 1]>();

  const creator = account.creator;
  accounts.set('bob', { creator });
  accounts.set('bob', { creator, kind: 'business', address: { street: 'x' }, holder: { name: 'y' }, photo: undefined });
  people.push({ name: 'Carol' });

  // @ts-expect-error a ref without a default is missing
  accounts.set('bob', { owner: 'Bob' });
  // @ts-expect-error a text is no number
  accounts.set('bob', { creator, balance: '1' });
  // @ts-expect-error no such alternative
  accounts.set('bob', { creator, kind: 'public' });
  // @ts-expect-error no such field
  accounts.set('bob', { creator, color: 'red' });
  // @ts-expect-error no such field in a struct inside
  accounts.set('bob', { creator, address: { city: 'Ulm' } });
  // @ts-expect-error a bigint field takes no number
  account.serial = 5;
  // @ts-expect-error the key is text
  accounts.get(5);
  // @ts-expect-error the tuple has three parts
  pairs.get(['a', 1]);
  // @ts-expect-error the parts have their types
  pairs.set(['a', 'b', 1n], 1);
  // @ts-expect-error the value of a list
  account.tags.push(5);
  // @ts-expect-error a ref takes a record, no plain object of another shape
  account.creator = { title: 'x' };
  // @ts-expect-error no such root
  store.root.nothing;
  // @ts-expect-error roots are not assigned
  store.root.total = total;
  // @ts-expect-error no such root to watch
  store.watch('nothing', () => undefined);
  // @ts-expect-error no such time to take the lock
  store.transaction(() => 1, { lock: 'never' });
}

describe('a declaration', () => {
  test('opens as what its types say', () => {
    const store = open();
    expect(store.root.title).toBe('');
    expect(checkedByTheCompiler).toBeTypeOf('function');
    // What TypeScript lets through is refused when it runs.
    expect(() => tree(Person, f64())).toThrow(expect.objectContaining({ code: 'KEY_TYPE_INVALID' }));
    store.close();
  });
});
