// Which version a label of the running word names: labels begin with `module@id`.

/** What a label says. */
export interface Blame {
  readonly module: string;
  /** Short id of the version. */
  readonly id: string;
  /** What it did: `task review`, `route POST /transfer`, `export quote`, `load`, `start`. */
  readonly what: string;
}

/** Reads a label; undefined when it names no module's version. */
export function blameOf(label: string | undefined): Blame | undefined {
  const match = /^([A-Za-z][A-Za-z0-9-]*)@([0-9a-f]{6,64}) (.*)$/.exec(label ?? '');
  if (match === null) return undefined;
  return { module: match[1] as string, id: match[2] as string, what: match[3] as string };
}
