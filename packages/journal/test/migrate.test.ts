// Programs of different ages on one store (R15-R17): what is added lives beside older code in another process; every other change is a migration, all or
// nothing also against SIGKILL, refused while it would strand somebody, and afterwards those who come too late are refused.

import { CONTROL_SLOTS, readAsPlain, requirePlace, SLOT_BYTES, SLOT_TYPE_COUNT } from '@mofo/shm-store';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  boolean,
  bytes,
  counter,
  destroyStore,
  f64,
  i32,
  i64,
  json,
  List,
  list,
  type Migrations,
  oneOf,
  openPrivateStore,
  openStore,
  optional,
  record,
  ref,
  Store,
  struct,
  Tree,
  text,
  timestamp,
  tree,
  withDefault,
} from '../src/index.ts';
import { checkHeap, ownedBlocks } from './support/check-heap.ts';
import { ChildProgram } from './support/child-program.ts';

const Person = struct('Person', { name: text() });
const Old = struct('Account', {
  owner: text(),
  balance: f64(),
  note: text(),
  history: list(f64()),
});
const New = struct('Account', { owner: text(), cents: i32(), note: text(), history: list(f64()), opened: f64() });
const toNew: Migrations = {
  'Account:1': (old) => ({ ...old, cents: Math.round(old.balance * 100), note: `${old.note}, migrated` }),
};

const code = (value: string, message = ''): unknown =>
  expect.objectContaining({ code: value, message: expect.stringContaining(message) });

let count = 0;
let name: string;
const children: ChildProgram[] = [];
const stores: { close(): void }[] = [];

beforeEach(() => {
  name = `test-${process.pid}-migrate-${count++}`;
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  for (const store of stores.splice(0)) store.close();
  destroyStore(name, { force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: any declaration of roots.
function open<const R extends Record<string, any>>(root: R, migrate?: Migrations) {
  const store = openStore({ name, sizeBytes: 16 * 2 ** 20, root, ...(migrate && { migrate }) });
  stores.push(store);
  return store;
}

function start(program: string, ...args: string[]): ChildProgram {
  const child = new ChildProgram(program, [name, ...args]);
  children.push(child);
  return child;
}

/** Problems of the heap: broken structures, leaks, blocks owned twice. */
function problemsOf(
  store: Pick<Store, 'memory'> & { native?: { windows: readonly ArrayBuffer[] } },
  windows: readonly ArrayBuffer[],
): string[] {
  const { problems, live } = checkHeap(new Uint8Array(windows[0] as ArrayBuffer));
  const owned = ownedBlocks(store.memory, problems);
  for (const block of live) if (!owned.has(block)) problems.push(`block ${block} leaked`);
  for (const block of owned) if (!live.has(block)) problems.push(`block ${block} is owned and not live`);
  return problems;
}

const problems = (store: Store<never> | Store): string[] => problemsOf(store as Store, (store as Store).native.windows);

/** What a record holds, its collections as arrays, as JSON: to compare, and to be shown when it differs. */
function plainOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => {
      if (part instanceof List) return part.toArray();
      if (part instanceof Tree) return [...part];
      return typeof part === 'bigint' ? `${part}` : part;
    }),
  );
}

function fill(accountCount: number): void {
  const store = open({ accounts: tree(text(), Old) });
  store.transaction(() => {
    for (let k = 0; k < accountCount; k++) {
      store.root.accounts.set(`account ${k}`, { owner: `owner ${k}`, balance: k + 0.25, note: `note ${k}` });
      store.root.accounts.get(`account ${k}`)?.history.push(k);
    }
  });
  store.close();
}

describe('fields that are added', { timeout: 60_000 }, () => {
  test('live beside a process that does not know them: each sees and keeps what the other writes', async () => {
    fill(0);
    const Grown = struct('Account', {
      owner: text(),
      balance: f64(),
      note: text(),
      history: list(f64()),
      limit: withDefault(f64(), 500),
    });
    const older = start('bank-of-old.mjs');
    await older.next();
    const { accounts } = open({ accounts: tree(text(), Grown) }).root;
    for (let k = 0; k < 20; k++) accounts.set(`account ${k}`, { owner: `owner ${k}`, note: `note ${k}`, limit: k });
    for (let round = 0; round < 200; round++) {
      accounts.update(`account ${round % 20}`, (account) => {
        if (account === undefined) throw new Error('lost');
        account.balance += 1000;
        account.limit += 1;
        account.note = `${account.owner} ${round}`;
        return undefined;
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    older.say('end');
    const { rounds } = (await older.next()) as { rounds: number };
    expect(rounds).toBeGreaterThan(1);
    expect(await older.ended).toBe('0');
    const first = accounts.get('account 0');
    const added = (first?.balance as number) % 1000;
    expect(added).toBeGreaterThan(0);
    for (let k = 0; k < 20; k++) {
      const account = accounts.get(`account ${k}`);
      expect(plainOf(account)).toMatchObject({ owner: `owner ${k}`, limit: k + 10, note: `owner ${k} ${180 + k}` });
      expect(Math.floor((account?.balance as number) / 1000)).toBe(10);
    }
  });
});

describe('a migration', { timeout: 60_000 }, () => {
  test('reads as in the manual: rewrites every record in its place, keeps what it does not touch, and leaves nothing behind', () => {
    const Team = struct('Team', { leader: ref(() => Old), first: record(Old), spare: optional(record(Old)) });
    const before = open({ accounts: tree(text(), Old), line: list(Old), team: tree(text(), Team) });
    const { accounts, line, team } = before.root;
    before.transaction(() => {
      for (let k = 0; k < 50; k++) accounts.set(`a${k}`, { owner: `owner ${k}`, balance: k / 4, note: 'x'.repeat(k) });
      line.push({ owner: 'in a list', balance: 1 });
      const leader = accounts.get('a7');
      if (leader === undefined) throw new Error('lost');
      for (const amount of [1, 2, 3]) leader.history.push(amount);
      team.set('red', { leader, first: { owner: 'first', balance: 2 }, spare: { owner: 'spare', balance: 3 } });
    });
    const place = requirePlace(accounts.get('a7'));
    expect(problems(before as never)).toEqual([]);
    before.close();

    const NewTeam = struct('Team', { leader: ref(() => New), first: record(New), spare: optional(record(New)) });
    const roots = { accounts: tree(text(), New), line: list(New), team: tree(text(), NewTeam) };
    const waiting = open(roots);
    expect(waiting.outdatedTypes).toEqual(['Account:1']);
    waiting.close();
    const store = open(roots, toNew);
    expect(store.outdatedTypes).toEqual([]);
    const migrated = store.root.accounts.get('a7');
    expect(requirePlace(migrated).block).toBe(place.block);
    expect(requirePlace(migrated).stamp).toBe(place.stamp);
    for (let k = 0; k < 50; k++) {
      expect(plainOf(store.root.accounts.get(`a${k}`))).toMatchObject({
        owner: `owner ${k}`,
        cents: k * 25,
        note: `${'x'.repeat(k)}, migrated`,
        opened: 0,
      });
    }
    expect(migrated?.history.toArray()).toEqual([1, 2, 3]);
    const red = store.root.team.get('red');
    expect([red?.leader.owner, red?.first.cents, red?.spare?.cents]).toEqual(['owner 7', 200, 300]);
    expect(plainOf(store.root.line.get(0))).toMatchObject({ owner: 'in a list', cents: 100 });
    const { name: type, version } = readAsPlain(store.memory, place.block);
    expect([type, version]).toEqual(['Account', 2]);
    store.transaction(() => {
      (migrated as { cents: number }).cents += 1;
      store.root.accounts.set('new', { owner: 'made after', cents: 5, opened: 7 });
    });
    expect([migrated?.cents, store.root.accounts.get('new')?.opened]).toEqual([176, 7]);
    expect(problems(store as never)).toEqual([]);
    // A second time there is nothing to do.
    expect(store.migrate(toNew)).toEqual({ migrated: {} });
  });

  test('may add more fields than the records have room for: they lie in an extension, and are freed with the record', () => {
    fill(10);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, k) => [`field${k}`, text()]));
    const Wide = struct('Account', { owner: text(), cents: i32(), history: list(f64()), ...many });
    const store = open(
      { accounts: tree(text(), Wide) },
      {
        'Account:1': ({ note, ...old }) => ({ ...old, cents: 1, field7: note, field29: 'last' }),
      },
    );
    const account = store.root.accounts.get('account 3') as unknown as Record<string, unknown>;
    expect(plainOf(account)).toMatchObject({
      owner: 'owner 3',
      cents: 1,
      field7: 'note 3',
      field29: 'last',
      field0: '',
    });
    store.root.accounts.set('new', { owner: 'x', cents: 2, field0: 'y', field29: 'z' } as never);
    expect(problems(store as never)).toEqual([]);
    store.root.accounts.clear();
    expect(problems(store as never)).toEqual([]);
  });

  test('frees what is given up: texts, collections, owned records that are migrated themselves', () => {
    const OldPet = struct('Pet', { name: text(), age: f64() });
    const OldOwner = struct('Owner', {
      pet: record(OldPet),
      other: record(OldPet),
      toys: list(text()),
      spare: optional(record(OldPet)),
    });
    const before = open({ owners: tree(text(), OldOwner) });
    before.transaction(() => {
      for (let k = 0; k < 20; k++) {
        before.root.owners.set(`o${k}`, {
          pet: { name: `pet ${k}` },
          other: { name: `other ${k}` },
          spare: { name: 'a long name of a pet' },
        });
        for (const toy of ['ball', 'a toy with a name that needs a block'])
          before.root.owners.get(`o${k}`)?.toys.push(toy);
      }
    });
    before.close();
    const Pet = struct('Pet', { name: text(), age: text() });
    const Owner = struct('Owner', { pet: record(Pet), label: text() });
    const seen = new Set<string>();
    const store = open(
      { owners: tree(text(), Owner) },
      {
        'Pet:1': (old) => ({ name: old.name, age: `${old.age} years` }),
        'Owner:1': (old) => {
          seen.add(old.other.age);
          return { ...old, label: `${old.other.name}, ${old.toys.length} toys` };
        },
      },
    );
    expect(seen).toEqual(new Set(['0 years']));
    expect(plainOf(store.root.owners.get('o3'))).toMatchObject({
      label: 'other 3, 2 toys',
      pet: { name: 'pet 3', age: '0 years' },
    });
    expect(problems(store as never)).toEqual([]);
  });

  test('without a function for a layout that there is, or with one that fails, changes nothing', () => {
    fill(100);
    const check = open({ accounts: tree(text(), Old) });
    const all = (): string => JSON.stringify(plainOf([...check.root.accounts.values()]));
    const before = all();
    check.close();
    const attempts: [Migrations, unknown][] = [
      [{}, code('MIGRATION_MISSING', "'Account:1'")],
      [{ 'Account:7': () => ({}) }, code('MIGRATION_MISSING', "'Account:1'")],
      [{ Account: () => ({}) } as never, code('MIGRATION_INVALID', 'Account')],
      [{ 'Account:1': 'x' } as never, code('MIGRATION_INVALID', 'Account:1')],
      [
        { 'Account:1': (old) => (old.owner === 'owner 57' ? { cents: 'many' } : { cents: 1 }) },
        code('MIGRATION_FAILED', 'Account.cents'),
      ],
      [{ 'Account:1': (old) => ({ ...old, cents: 1, other: 1 }) }, code('MIGRATION_FAILED', 'Account.other')],
      [{ 'Account:1': () => 5 as never }, code('MIGRATION_FAILED', 'an object')],
      [
        {
          'Account:1': (old) => {
            if (old.owner === 'owner 99') throw new Error('no');
            return { cents: 1 };
          },
        },
        expect.objectContaining({ code: 'MIGRATION_FAILED', cause: new Error('no') }),
      ],
      [
        {
          'Account:1': (old) => {
            old.owner = 'me';
            return old;
          },
        },
        code('MIGRATION_FAILED', 'read only'),
      ],
    ];
    for (const [migrate, error] of attempts) {
      expect(() => open({ accounts: tree(text(), New) }, migrate)).toThrow(error as Error);
      const again = open({ accounts: tree(text(), Old) });
      expect(JSON.stringify(plainOf([...again.root.accounts.values()]))).toBe(before);
      expect(problems(again as never)).toEqual([]);
      again.close();
    }
  });

  test('that does not fit into the journal or the store is rolled back, and says so', () => {
    const native = openPrivateStore({ sizeBytes: 2 ** 20 });
    const small = new Store('small', native, { accounts: tree(text(), Old) });
    expect(() => {
      for (let k = 0; ; k++) small.root.accounts.set(`${k}`, { owner: `owner ${k}`, note: 'x'.repeat(200) });
    }).toThrow(code('STORE_FULL'));
    const size = small.root.accounts.size;
    const store = new Store('small', native, { accounts: tree(text(), New) });
    expect(() => store.migrate({ 'Account:1': (old) => ({ note: `${old.note}${old.note}` }) })).toThrow(
      code('STORE_FULL'),
    );
    const after = new Store('small', native, { accounts: tree(text(), Old) });
    expect(after.root.accounts.size).toBe(size);
    expect(after.root.accounts.get('0')?.note).toBe('x'.repeat(200));
    expect(problemsOf(after as never, native.windows)).toEqual([]);
  });

  test('does what a model does, for random fields that stay, go, come and change their type', () => {
    const pool = {
      a: [f64(), text(), optional(text())],
      b: [text(), i64(), record(Person)],
      c: [list(text()), tree(text(), f64()), counter()],
      d: [oneOf('x', 'y'), boolean(), i32()],
      e: [bytes(), json(), timestamp()],
      f: [struct('Inner', { left: text(), right: f64() }), optional(record(Person)), text()],
    } as const;
    const pick = fc.dictionary(fc.constantFrom(...(Object.keys(pool) as (keyof typeof pool)[])), fc.nat(2), {
      maxKeys: 6,
    });
    const fieldsOf = (picked: Record<string, number>): Record<string, never> =>
      Object.fromEntries(Object.entries(picked).map(([key, k]) => [key, pool[key as keyof typeof pool][k] as never]));
    const sampleOf: Record<string, (k: number, n: number) => unknown> = {
      a: (k, n) => [n, `text ${n}`, `maybe ${n}`][k],
      b: (k, n) => [`name ${n}`, BigInt(n), { name: `person ${n}` }][k],
      c: () => undefined,
      d: (k, n) => ['y', true, n][k],
      e: (k, n) => [Uint8Array.of(n, 2), { deep: [n] }, n][k],
      f: (k, n) => [{ left: `left ${n}`, right: n }, { name: `p ${n}` }, 'f'][k],
    };
    fc.assert(
      fc.property(pick, pick, fc.boolean(), (oldPick, newPick, spreads) => {
        const native = openPrivateStore({ sizeBytes: 2 ** 20 });
        const OldThing = struct('Thing', { id: f64(), ...fieldsOf(oldPick) });
        const before = new Store('model', native, { things: tree(f64(), OldThing) });
        for (let n = 0; n < 5; n++) {
          const values = Object.fromEntries(Object.entries(oldPick).map(([key, k]) => [key, sampleOf[key]?.(k, n)]));
          before.root.things.set(n, { id: n, ...values } as never);
          const made = before.root.things.get(n) as unknown as Record<
            string,
            { push?(v: string): void; add?(): void; set?(k: string, v: number): void }
          >;
          if (oldPick.c === 0) made.c?.push?.(`line ${n}`);
          if (oldPick.c === 1) made.c?.set?.(`key ${n}`, n);
          if (oldPick.c === 2) made.c?.add?.();
        }
        const all = (things: Iterable<object>): Record<string, unknown>[] =>
          plainOf([...things]) as Record<string, unknown>[];
        const old = all(before.root.things.values());
        // One more field, so that there is something to migrate.
        const NewThing = struct('Thing', { id: text(), ...fieldsOf(newPick) });
        const store = new Store('model', native, { things: tree(f64(), NewThing) });
        store.migrate({
          'Thing:1': ({ id, ...rest }) => ({
            id: `thing ${id}`,
            ...(spreads ? keepOnlySame(rest, oldPick, newPick) : {}),
          }),
        });
        const defaults = new Store('defaults', openPrivateStore({ sizeBytes: 2 ** 20 }), {
          things: tree(f64(), NewThing),
        });
        defaults.root.things.set(0, { id: '' } as never);
        const fresh = all(defaults.root.things.values())[0] as Record<string, unknown>;
        const expected = old.map((thing) => {
          const kept = Object.entries(newPick).filter(([key, k]) => oldPick[key as keyof typeof pool] === k);
          return { ...fresh, ...Object.fromEntries(kept.map(([key]) => [key, thing[key]])), id: `thing ${thing.id}` };
        });
        expect(all(store.root.things.values())).toEqual(expected);
        expect(problemsOf(store as never, native.windows)).toEqual([]);
        store.root.things.clear();
        expect(problemsOf(store as never, native.windows)).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });
});

/** Fields whose type is the same; one that changed its type may not be given as it was. */
function keepOnlySame(
  rest: Record<string, unknown>,
  old: Record<string, number>,
  now: Record<string, number>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(rest).filter(([key]) => now[key] === undefined || now[key] === old[key]));
}

describe('programs that know a type only as it was', { timeout: 60_000 }, () => {
  test('hold a migration up while they live, and are refused when they come after it', async () => {
    fill(20);
    const older = start('bank-of-old.mjs');
    await older.next();
    const Moved = struct('Account', { owner: text(), cents: i32() });
    const migrate: Migrations = { 'Account:1': (old) => ({ ...old, cents: old.balance * 100 }) };
    expect(() => open({ accounts: tree(text(), Moved) }, migrate)).toThrow(
      code('MIGRATION_BLOCKED', `pid ${older.process.pid}`),
    );
    await older.kill();
    const store = open({ accounts: tree(text(), Moved) }, migrate);
    expect(store.root.accounts.get('account 3')?.owner).toBe('owner 3');

    const late = start('bank-of-old.mjs');
    await late.ended;
    expect(late.errors).toContain('FLOOR_TOO_HIGH');
    expect(() => open({ accounts: tree(text(), Old) })).toThrow(code('FLOOR_TOO_HIGH', 'Account (version 1'));
    expect(() =>
      open({
        accounts: tree(
          text(),
          struct('Account', { owner: text(), balance: f64(), note: text(), history: list(f64()), more: text() }),
        ),
      }),
    ).toThrow(code('FLOOR_TOO_HIGH', 'Account (version 1'));
    expect(store.root.accounts.get('account 3')?.cents).toBeGreaterThanOrEqual(325);
  });

  test('do not hold it up if they know the new form as well, or nothing of the type', () => {
    fill(3);
    const both = open({ accounts: tree(text(), Old) });
    both.addRoots({ more: tree(text(), New) });
    open({ total: counter() });
    const store = open({ accounts: tree(text(), New) }, toNew);
    expect(store.root.accounts.get('account 1')?.cents).toBe(125);
    // Its old half is refused from now on, its new half goes on.
    const { accounts } = both.root;
    expect(() => accounts.get('account 1')).toThrow(code('FLOOR_TOO_HIGH'));
    expect(() => accounts.set('x', { owner: 'x', balance: 1 })).toThrow(code('FLOOR_TOO_HIGH'));
  });

  test('and slip between the look and the commit are refused at their next use, and never read a default for what has moved', () => {
    fill(3);
    const older = open({ accounts: tree(text(), Old) });
    const { accounts } = older.root;
    const held = accounts.get('account 1');
    const words = new Uint32Array(older.native.control);
    words[(CONTROL_SLOTS + older.native.slot * SLOT_BYTES + SLOT_TYPE_COUNT) / 4] = 0;
    open({ accounts: tree(text(), New) }, toNew);
    expect(() => accounts.get('account 1')).toThrow(code('FLOOR_TOO_HIGH'));
    expect(() => older.transaction(() => accounts.set('x', { owner: 'x' }))).toThrow(code('FLOOR_TOO_HIGH'));
    expect(() => held?.balance).toThrow(code('TYPE_MISMATCH', 'another layout'));
  });
});

describe('a process that is killed while it migrates', { timeout: 120_000 }, () => {
  const ACCOUNTS = 2000;

  /** Migrates in a process that is killed at the n-th record (0: at none); says how many records were then new and how many old. */
  async function killAt(way: string, record: number): Promise<string> {
    const child = start('migrate-accounts.mjs', way, `${record}`);
    expect(await child.ended).toBe(record === 0 ? '0' : 'SIGKILL');
    const store = open({});
    const { catalog, heap } = store.memory;
    store.transaction(() => undefined);
    const layouts = catalog.layoutsOf('Account').map(({ layoutId }) => layoutId);
    const records = [...ownedBlocks(store.memory, [])].map((block) => layouts.indexOf(heap.layoutOf(block)));
    const newest = layouts.length === 1 ? -2 : 0;
    const fresh = records.filter((index) => index === newest).length;
    const old = records.filter((index) => index === layouts.length - 1).length;
    expect(problems(store as never)).toEqual([]);
    store.close();
    return `${fresh} new, ${old} old`;
  }

  test('leaves all records old, wherever it was, and nothing leaked; the next one migrates them all', async () => {
    fill(ACCOUNTS);
    for (const record of [1, 700, ACCOUNTS]) expect(await killAt('whole', record)).toBe(`0 new, ${ACCOUNTS} old`);
    expect(await killAt('whole', 0)).toBe(`${ACCOUNTS} new, 0 old`);
  });

  test('planted bug: a migration of many transactions is caught', async () => {
    fill(ACCOUNTS);
    expect(await killAt('piecemeal', 700)).toBe(`699 new, ${ACCOUNTS - 699} old`);
  });
});
