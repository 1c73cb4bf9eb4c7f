// Does a declared struct fit a layout in the catalog? It fits if every field of the layout's record is declared with an equal type. Fields
// declared beyond those are looked for among the extensions; what is not there either would have to be added (R16).

import type { CatalogEntry } from './catalog-entry.ts';
import { layoutKey } from './description.ts';
import type { FieldType } from './field-type.ts';
import type { StructType } from './struct-type.ts';

/** How a struct and a layout relate. */
export interface LayoutMatch {
  /** What stands in the way, a sentence each; none if the struct fits. */
  readonly differences: readonly string[];
  /** Declared fields that neither the layout nor its extensions have. */
  readonly added: readonly (readonly [string, FieldType<unknown, unknown>])[];
}

/** Compares a struct with a record layout and its extensions. */
export function matchLayout(struct: StructType, base: CatalogEntry, extensions: readonly CatalogEntry[]): LayoutMatch {
  const differences: string[] = [];
  const added: [string, FieldType<unknown, unknown>][] = [];
  for (const name of base.fields.keys()) {
    if (struct.fields[name] === undefined) differences.push(`field ${name} is no longer declared`);
  }
  for (const [name, declared] of Object.entries(struct.fields)) {
    const type = declared as FieldType<unknown, unknown>;
    const stored =
      base.fields.get(name) ?? extensions.find((extension) => extension.fields.has(name))?.fields.get(name);
    if (stored === undefined) {
      if (type.hasDefault) added.push([name, type]);
      else differences.push(`the new field ${name} has no default`);
    } else {
      const key = layoutKey(type.describe());
      if (key !== stored.key) differences.push(`field ${name} is declared as ${key} and stored as ${stored.key}`);
    }
  }
  return { differences, added };
}
