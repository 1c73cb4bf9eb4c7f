// How a declared module carries the types it was declared with: by a property that exists for the compiler only. Kept apart, so that
// contexts and declarations of use can read the types without knowing the whole declaration.

declare const moduleTypes: unique symbol;

/** What a declared module carries: its kind, its name, its types. */
export interface TypedModule<U = unknown, S = unknown, E = unknown, T = unknown> {
  readonly kind: 'module';
  /** Name of the module. */
  readonly name: string;
  /** Carries the types only; never there at run time. */
  readonly [moduleTypes]?: { readonly uses: U; readonly state: S; readonly exports: E; readonly tasks: T };
}

/** Any declared module. */
export type AnyModule = TypedModule;

/** The types that a module was declared with. */
export type ModuleTypes<M> =
  M extends TypedModule<infer U, infer S, infer E, infer T>
    ? { readonly uses: U; readonly state: S; readonly exports: E; readonly tasks: T }
    : never;
