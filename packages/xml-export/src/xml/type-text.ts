// Types as XML: the catalog of an export, and the type of each root. A type is an element named for its kind, with the types inside it as children.

import { ShmStoreError, type TypeDescription } from '@mofo/shm-store';
import { escapeAttribute, escapeContent, isUnspeakable, speakableJson } from './escape.ts';

/** Deepest nesting of a type; the catalog refuses deeper ones. */
const TYPE_DEPTH_MAX = 40;

const PLAIN_KINDS: ReadonlySet<string> = new Set([
  ...['f64', 'f32', 'i8', 'i16', 'i32', 'u8', 'u16', 'u32', 'i64', 'u64', 'boolean', 'timestamp'],
  ...['text', 'bytes', 'json', 'counter'],
]);

/** The element of a type; `name` is that of the field it describes. Throws CORRUPT for a description that makes no sense. */
export function typeText(type: unknown, name?: string, depth = 0): string {
  const description = (type ?? {}) as TypeDescription;
  const { kind } = description;
  if (depth > TYPE_DEPTH_MAX) throw corruptType(description);
  const attributes = name === undefined ? '' : ` name="${escapeAttribute(name)}"`;
  const inner = (value: unknown): string => typeText(value, undefined, depth + 1);
  if (PLAIN_KINDS.has(kind)) return `<${kind}${attributes}${defaultOf(description)}/>`;
  switch (kind) {
    case 'oneOf':
      return `<oneOf${attributes}${defaultOf(description)}>${optionsOf(description)}</oneOf>`;
    case 'ref':
      return `<ref${attributes} type="${escapeAttribute(String(description.to))}"/>`;
    case 'record':
      return `<record${attributes} type="${escapeAttribute(String(description.name))}"/>`;
    case 'optional':
      return `<optional${attributes}>${inner(description.of)}</optional>`;
    case 'list':
    case 'queue':
      return `<${kind}${attributes}>${inner(description.value)}</${kind}>`;
    case 'tree':
      return `<tree${attributes}>${inner(description.key)}${inner(description.value)}</tree>`;
    case 'tuple':
      return `<tuple${attributes}>${(description.elements as unknown[]).map(inner).join('')}</tuple>`;
    case 'struct':
      return `<struct${attributes} type="${escapeAttribute(String(description.name))}">${fieldsOf(description, depth)}</struct>`;
    default:
      throw corruptType(description);
  }
}

function fieldsOf(description: TypeDescription, depth: number): string {
  const fields = Object.entries(description.fields as Readonly<Record<string, { readonly type: unknown }>>);
  return fields.map(([name, field]) => typeText(field.type, name, depth + 1)).join('');
}

function optionsOf(description: TypeDescription): string {
  return (description.values as readonly string[])
    .map((option) => {
      const escaped = isUnspeakable(option);
      return `<option${escaped ? ' escaped="true"' : ''}>${escapeContent(option, escaped)}</option>`;
    })
    .join('');
}

function defaultOf(description: TypeDescription): string {
  const value = description.default;
  return value === undefined ? '' : ` default="${escapeAttribute(speakableJson(value))}"`;
}

function corruptType(description: TypeDescription): ShmStoreError {
  return new ShmStoreError('CORRUPT', `A type of kind ${JSON.stringify(description.kind)} has no form in XML.`);
}
