// A snapshot as the program holds it.

import { AbstractSnapshot } from 'abstract-level';
import { MofoLevelError } from './level-error.ts';
import type { LevelStore } from './level-store.ts';
import type { OpenSnapshot } from './snapshot-table.ts';

/** abstract-level's class with what its constructor takes, which its types do not say. */
const Base: new (options: object) => AbstractSnapshot = AbstractSnapshot;

/** An explicit snapshot: made by `db.snapshot()`, passed to reads as `{ snapshot }`, closed by the program or with the database. */
export class LevelSnapshot extends Base {
  readonly #store: LevelStore;
  readonly #open: OpenSnapshot;

  constructor(store: LevelStore, open: OpenSnapshot, options: object) {
    super(options);
    this.#store = store;
    this.#open = open;
  }

  /** The snapshot to read at, if this is one of that database handle. Throws LEVEL_NOT_SUPPORTED. */
  static openIn(store: LevelStore, snapshot: unknown): OpenSnapshot | undefined {
    if (snapshot === undefined || snapshot === null) return undefined;
    if (snapshot instanceof LevelSnapshot && snapshot.#store === store) return snapshot.#open;
    throw new MofoLevelError(
      'LEVEL_NOT_SUPPORTED',
      'The snapshot is not one of this database handle. Nothing was read or changed. Use one made by its own snapshot().',
    );
  }

  async _close(): Promise<void> {
    this.#store.releaseSnapshot(this.#open);
  }
}
