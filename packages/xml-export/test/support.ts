// What the tests share: exports as strings, validation by libxml2, and a reader of the XML that knows only SPEC.md and shares no code with the exporter.

import { readFileSync } from 'node:fs';
import { openPrivateStore, type RootDeclaration, Store } from '@mofo/journal';
import { XmlDocument, type XmlElement, XsdValidator } from 'libxml2-wasm';
import { exportXml, type XmlExport } from '../src/index.ts';
import type { StoreSource } from '../src/moment.ts';

const SCHEMA_FILE = new URL('../mofo.xsd', import.meta.url);

export function openTestStore<const R extends RootDeclaration>(
  root: R,
  sizeBytes = 2 ** 20,
): { store: Store<R>; main: Int32Array; segment: ArrayBuffer } {
  const native = openPrivateStore({ sizeBytes });
  const store = new Store('test', native, root);
  const segment = native.windows[0] as ArrayBuffer;
  return { store, main: new Int32Array(segment), segment };
}

export async function textOf(stream: XmlExport): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

export async function exported(source: StoreSource): Promise<{ xml: string; stream: XmlExport }> {
  const stream = exportXml(source);
  return { xml: await textOf(stream), stream };
}

/** Parses and validates; throws what libxml2 says. */
export function validated<T>(xml: string, read: (root: XmlElement) => T): T {
  const document = XmlDocument.fromString(xml);
  const schema = XmlDocument.fromBuffer(readFileSync(SCHEMA_FILE));
  const validator = XsdValidator.fromDoc(schema);
  try {
    validator.validate(document);
    return read(document.root);
  } finally {
    validator.dispose();
    schema.dispose();
    document.dispose();
  }
}

/** A ref as it stands in the XML. */
export class Ref {
  readonly to: string;
  constructor(to: string) {
    this.to = to;
  }
}

/** All roots by name, as plain values: objects for records and structs (records with their id under `$id`), arrays of [key, value] for trees. */
export function rootsOf(store: XmlElement): Record<string, unknown> {
  const parts = new Map<string, XmlElement>();
  for (const part of childrenOf(store))
    if (part.name === 'part') parts.set(attribute(part, 'id') as string, childrenOf(part)[0] as XmlElement);
  const roots = childrenOf(store).find(({ name }) => name === 'roots') as XmlElement;
  const found: Record<string, unknown> = {};
  for (const root of childrenOf(roots)) {
    const name = attribute(root, 'name') as string;
    const [, value] = childrenOf(root);
    found[attribute(root, 'escaped') === 'true' ? withoutBackslashes(name) : name] = readValue(
      value as XmlElement,
      parts,
    );
  }
  return found;
}

function readValue(element: XmlElement, parts: ReadonlyMap<string, XmlElement>): unknown {
  const { content, name } = element;
  const values = (): unknown[] => childrenOf(element).map((child) => readValue(child, parts));
  switch (name) {
    case 'f64':
    case 'timestamp':
    case 'counter':
      return numberOf(content, attribute(element, 'bits'));
    case 'f32':
      return numberOf(content, undefined);
    case 'i64':
    case 'u64':
      return BigInt(content);
    case 'boolean':
      return content === 'true';
    case 'text':
    case 'oneOf':
      return attribute(element, 'escaped') === 'true' ? withoutBackslashes(content) : content;
    case 'json':
      return JSON.parse(content);
    case 'bytes':
      return new Uint8Array(Buffer.from(content, 'base64'));
    case 'absent':
      return undefined;
    case 'ref':
      return new Ref(attribute(element, 'to') as string);
    case 'invalid':
      return { $invalid: attribute(element, 'code') };
    case 'deferred':
      return readValue(parts.get(attribute(element, 'to') as string) as XmlElement, parts);
    case 'list':
    case 'queue':
    case 'tuple':
      return values();
    case 'tree':
      return childrenOf(element).map((entry) => childrenOf(entry).map((child) => readValue(child, parts)));
    case 'object':
      return { $id: attribute(element, 'id'), ...fieldsOf(element, parts) };
    case 'struct':
      return fieldsOf(element, parts);
    default:
      return Number(content);
  }
}

function fieldsOf(element: XmlElement, parts: ReadonlyMap<string, XmlElement>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const child of childrenOf(element)) {
    if (child.name === 'extension') Object.assign(fields, fieldsOf(child, parts));
    else fields[attribute(child, 'name') as string] = readValue(child, parts);
  }
  return fields;
}

function numberOf(content: string, bits: string | undefined): number {
  if (bits !== undefined) return new DataView(Uint8Array.from(Buffer.from(bits, 'hex')).buffer).getFloat64(0);
  if (content === 'INF') return Number.POSITIVE_INFINITY;
  if (content === '-INF') return Number.NEGATIVE_INFINITY;
  return Number(content);
}

function withoutBackslashes(text: string): string {
  return text.replace(/\\(\\|u([0-9a-f]{4}))/g, (_, what: string, unit: string) =>
    what === '\\' ? '\\' : String.fromCharCode(Number.parseInt(unit, 16)),
  );
}

export function childrenOf(element: XmlElement): XmlElement[] {
  const children: XmlElement[] = [];
  for (let child = element.firstChild; child !== null; child = child.next)
    if ('attrs' in child) children.push(child as XmlElement);
  return children;
}

function attribute(element: XmlElement, name: string): string | undefined {
  return element.attr(name)?.value;
}
