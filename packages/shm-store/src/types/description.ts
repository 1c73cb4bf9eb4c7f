// Descriptions as data: validated as input when they come from a store, and compared by their canonical text.

import { ShmStoreError } from '../errors.ts';
import type { JsonValue, TypeDescription } from './field-type.ts';

/** Deepest nesting of a description. */
export const DESCRIPTION_DEPTH_MAX: number = 32;

/** The text two descriptions share exactly when their bytes are laid out alike: keys sorted, defaults left out. */
export function layoutKey(description: TypeDescription): string {
  return canonical(description, 0);
}

/** Throws unless `value` is a description: an object with a `kind`, of bounded depth. `what` says whose, for the message. */
export function requireDescription(value: unknown, what: string): TypeDescription {
  if (!isObject(value) || typeof value.kind !== 'string' || value.kind === '') {
    throw new ShmStoreError(
      'CORRUPT',
      `${what} is not described by an object with a kind. Nothing was changed. Run a check of the store.`,
    );
  }
  canonical(value as TypeDescription, 0);
  return value as TypeDescription;
}

/** True for plain JSON objects. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function canonical(value: JsonValue | undefined, depth: number): string {
  if (depth > DESCRIPTION_DEPTH_MAX) {
    throw new ShmStoreError(
      'INVALID_TYPE',
      `A type is nested more than ${DESCRIPTION_DEPTH_MAX} deep. Nothing was changed. Name its parts with record() or ref().`,
    );
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const object = value as { readonly [key: string]: JsonValue | undefined };
  const isType = typeof object.kind === 'string';
  const parts: string[] = [];
  for (const key of Object.keys(object).sort()) {
    if (object[key] !== undefined && !(isType && key === 'default'))
      parts.push(`${JSON.stringify(key)}:${canonical(object[key], depth + 1)}`);
  }
  return `{${parts.join()}}`;
}
