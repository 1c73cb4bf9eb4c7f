// What happens once in the life of a store, or only to a large one: each on a fresh store of its own.

import { PrefixRun } from './prefix-run.mjs';
import { PrefixStore } from './prefix-store.mjs';

/** { name: { sizeBytes, options, run(store, lib) } }: `run` prepares and returns what is cut. */
const CASES = {
  'a root and three types': {
    run: (store, { journal: j }) => {
      const Person = j.struct('Person', { name: j.text(), age: j.f64() });
      const Later = j.struct('Later', { title: j.text(), picture: j.bytes(), owner: j.record(Person) });
      return () => {
        const { more } = store.addRoots({ more: j.list(Later), total: j.counter() });
        more.push({ title: 'x', picture: new Uint8Array(70), owner: { name: 'B', age: 1 } });
      };
    },
  },
  'fields added to a type': {
    run: (store, { journal: j }) => {
      const root = store.addRoots({ accounts: j.tree(j.text(), j.struct('Account', { owner: j.text() })) });
      root.accounts.set('a', { owner: 'A' });
      const Newer = j.struct('Account', {
        owner: j.text(),
        balance: j.f64(),
        note: j.text(),
        limit: j.withDefault(j.i32(), 5),
      });
      const other = new j.Store('other', store.native);
      const { newer } = other.addRoots({ newer: j.list(Newer) });
      return () =>
        other.transaction(() => {
          newer.push({ owner: 'B', balance: 3, note: 'n', limit: 1 });
          newer.get(0).balance += 1;
        });
    },
    options: { alone: true },
  },
  'the floor raised': {
    run: (store, { journal: j, shm }) => {
      const Account = j.struct('Account', { owner: j.text() });
      store.addRoots({ accounts: j.list(Account) }).accounts.push({ owner: 'A' });
      return () => shm.raiseFloor(store.memory, store.memory.catalog.resolve(Account));
    },
  },
  'a breaking layout': {
    run: (store, { journal: j }) => {
      store.addRoots({ accounts: j.list(j.struct('Account', { owner: j.text() })) }).accounts.push({ owner: 'A' });
      return () => store.memory.catalog.declareBreaking(j.struct('Account', { owner: j.f64() }));
    },
  },
  'records migrated': {
    run: (store, { journal: j }) => {
      const Old = j.struct('Account', { owner: j.text(), balance: j.f64(), history: j.list(j.f64()) });
      const New = j.struct('Account', {
        owner: j.text(),
        cents: j.i32(),
        history: j.list(j.f64()),
        opened: j.f64(),
        more: j.text(),
      });
      const { accounts } = store.addRoots({ accounts: j.tree(j.text(), Old) });
      for (const owner of ['a', 'b', 'c']) accounts.set(owner, { owner, balance: 1.5 });
      accounts.get('b').history.push(1);
      const other = new j.Store('other', store.native);
      other.addRoots({ accounts: j.tree(j.text(), New) });
      return () =>
        other.migrate({ 'Account:1': (old) => ({ ...old, cents: old.balance * 100, more: 'm'.repeat(100) }) });
    },
    options: { alone: true },
  },
  'more types than a slot names': {
    run: (store, { journal: j, shm }) => {
      const declared = Array.from({ length: shm.SLOT_TYPE_COUNT_MAX + 2 }, (_, k) => [
        `root${k}`,
        j.list(j.struct(`Type${k}`, { x: j.f64() })),
      ]);
      return () => store.addRoots(Object.fromEntries(declared));
    },
    options: { alone: true },
  },
  'memory reserved in the middle': {
    sizeBytes: 4 * 2 ** 20,
    options: { statesMax: 2000 },
    run: (store, { journal: j }) => {
      const { list } = store.addRoots({ list: j.list(j.text()) });
      return () => {
        for (let k = 0; k < 30; k++) list.push('x'.repeat(60_000));
      };
    },
  },
  'an undo list and a journal that outgrow their first step': {
    sizeBytes: 4 * 2 ** 20,
    options: { statesMax: 500 },
    run: (store, { journal: j }) => {
      const { doubles, numbers } = store.addRoots({ doubles: j.list(j.f64()), numbers: j.tree(j.f64(), j.f64()) });
      store.transaction(() => {
        for (let k = 0; k < 12_000; k++) doubles.push(k);
      });
      return () => {
        for (let k = 0; k < 2500; k++) numbers.set(k * 7, k);
        for (let k = 0; k < 12_000; k++) doubles.set(k, -k);
      };
    },
  },
};

/** Runs all cases; `note` gets each run with its prefix store before that is closed. */
export function runFresh(lib, addon, options, note) {
  for (const [name, { run, sizeBytes = 2 ** 20, options: own = {} }] of Object.entries(CASES)) {
    const prefix = new PrefixStore(lib, addon, { sizeBytes, root: {} });
    try {
      let body;
      prefix.prepare(() => {
        body = run(prefix.store, lib);
      });
      const part = new PrefixRun(prefix, options);
      part.try(name, () => void body(), { ...own, ...(options.statesMax > 0 ? { statesMax: options.statesMax } : {}) });
      for (const problem of prefix.check()) part.problems.push(`${name}: ${problem}`);
      note(part, prefix);
    } finally {
      prefix.close();
    }
  }
}
