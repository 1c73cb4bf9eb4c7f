// How much the store bench does: enough for steady figures, or just enough to see that it works.

/** A full size and a quick one. */
export interface Size {
  readonly full: number;
  readonly quick: number;
}

/** Entries of a map. */
export const ENTRIES: Size = { full: 1_000_000, quick: 2_000 };
/** Commits of one kind. */
export const COMMITS: Size = { full: 100_000, quick: 50 };

/** The same of the throw-away map that everything is done with first. */
export const WARM_UP_ENTRIES: Size = { full: 100_000, quick: 1_000 };
export const WARM_UP_COMMITS: Size = { full: 20_000, quick: 50 };

/** The one that this run wants. */
export function sizeOf(size: Size, { quick }: { readonly quick: boolean }): number {
  return quick ? size.quick : size.full;
}

/** A case in ns per operation. */
export function nsPerOperation(name: string): { name: string; unit: string } {
  return { name, unit: 'ns/op' };
}
