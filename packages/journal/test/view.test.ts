// A read-only view reads exactly what the store held, cannot change it, and survives any bytes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  counter,
  f64,
  JournalError,
  openPrivateStore,
  openView,
  ShmStoreError,
  Store,
  struct,
  text,
  tree,
} from '../src/index.ts';

const MIB = 2 ** 20;
const Account = struct('Account', { owner: text(), balance: f64() });
const root = { accounts: tree(text(), Account), total: counter() };

/** The bytes of a store with a hundred accounts of 10. */
function bankBytes(): ArrayBuffer {
  const native = openPrivateStore({ sizeBytes: MIB });
  const store = new Store('bank', native, root);
  store.transaction(() => {
    for (let i = 0; i < 100; i++) store.root.accounts.set(`account-${i}`, { owner: `owner ${i}`, balance: 10 });
    store.root.total.add(1000);
  });
  return (native.windows[0] as ArrayBuffer).slice(0);
}

/** The code of what `body` throws. */
function codeOf(body: () => unknown): string | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    if (error instanceof ShmStoreError || error instanceof JournalError) return error.code;
    throw error;
  }
}

describe('a view', () => {
  test('reads what the store held at that moment', () => {
    const view = openView({ windows: [bankBytes()], root });
    expect(view.root.total.value).toBe(1000);
    expect(view.root.accounts.size).toBe(100);
    expect(view.root.accounts.get('account-42')?.owner).toBe('owner 42');
    let sum = 0;
    for (const [, account] of view.root.accounts) sum += account.balance;
    expect(sum).toBe(1000);
    expect(
      view
        .listRoots()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['accounts', 'total']);
  });

  test('refuses every change and leaves the bytes alone', () => {
    const bytes = bankBytes();
    const before = Buffer.from(bytes.slice(0));
    const view = openView({ windows: [bytes], root });
    expect(codeOf(() => view.root.accounts.set('eve', { owner: 'Eve', balance: 1 }))).toBe('READ_ONLY');
    expect(codeOf(() => view.root.accounts.delete('account-1'))).toBe('READ_ONLY');
    expect(codeOf(() => view.root.total.add(1))).toBe('READ_ONLY');
    expect(codeOf(() => Object.assign(view.root.accounts.get('account-1') as object, { balance: 5 }))).toBe(
      'READ_ONLY',
    );
    expect(Buffer.from(bytes).equals(before)).toBe(true);
  });

  test('refuses roots that are not there or have another type', () => {
    expect(codeOf(() => openView({ windows: [bankBytes()], root: { nobody: counter() } }))).toBe('ROOT_MISMATCH');
    expect(codeOf(() => openView({ windows: [bankBytes()], root: { total: tree(text(), f64()) } }))).toBe(
      'ROOT_MISMATCH',
    );
  });

  test.each([
    ['no superblock of ours', 0, 0, 'FORMAT_UNKNOWN'],
    ['another format', 8, 9, 'FORMAT_UNKNOWN'],
    ['the other byte order', 12, 0x04030201, 'WRONG_BYTE_ORDER'],
    ['a damaged byte order mark', 12, 0x01030304, 'CORRUPT'],
    ['another layout', 52, 1, 'LAYOUT_MISMATCH'],
    ['an impossible size', 20, 0x7ff00000, 'CORRUPT'],
    ['another first slab', 96, 7, 'CORRUPT'],
    ['slabs behind the end', 100, 0xffffffff, 'CORRUPT'],
    ['another number of slabs', 104, 65, 'CORRUPT'],
  ])('refuses %s', (_what, offset, value, code) => {
    const bytes = bankBytes();
    new Uint32Array(bytes)[offset / 4] = value;
    expect(codeOf(() => openView({ windows: [bytes] }))).toBe(code);
  });

  test('of any garbage fails with a code and never crashes or hangs', () => {
    const bank = bankBytes();
    const used = 120_000;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(used / 4), fc.integer()), { minLength: 1, maxLength: 200 }), (changes) => {
        const bytes = bank.slice(0);
        const words = new Int32Array(bytes);
        for (const [word, value] of changes) words[word] = value;
        codeOf(() => {
          const view = openView({ windows: [bytes], root });
          let steps = 0;
          for (const [, account] of view.root.accounts) {
            void account.balance;
            codeOf(() => account.owner);
            expect(++steps).toBeLessThan(100_000);
          }
        });
      }),
      { numRuns: 300 },
    );
  });
});
