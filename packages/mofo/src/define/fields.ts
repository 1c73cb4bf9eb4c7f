// What a module's state is made of, seen from the type level: each field type says by its `read` what handle a program
// gets. The field types themselves (`tree`, `list`, `counter`, structs and scalars) come from @mofo/journal.

/** Any field type of the store: what `tree(…)`, `list(…)`, `counter()` and their like return. */
export interface StateField<Out = unknown> {
  /** What kind of field it is: 'tree', 'list', 'counter', 'f64', … */
  readonly kind: string;
  /** Gives the live handle or the value. */
  read(memory: never, block: number, word: number): Out;
}

/** The declared state of a module: field types by name. */
export type StateShape = Readonly<Record<string, StateField>>;

/** The handles that `ctx.state` gives for a declared state. */
export type StateOf<S> = { readonly [K in keyof S]: S[K] extends StateField<infer Out> ? Out : never };
