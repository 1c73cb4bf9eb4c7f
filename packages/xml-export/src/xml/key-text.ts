// Keys of trees as XML: the same elements as values of their types.

import type { TypeDescription } from '@mofo/shm-store';
import { escapeContent, isUnspeakable } from './escape.ts';
import { numberText } from './number-text.ts';

/** The element of a key, as the tree hands it out. */
export function keyText(type: TypeDescription, key: unknown): string {
  const { kind } = type;
  switch (kind) {
    case 'text': {
      const escaped = isUnspeakable(key as string);
      return `<text${escaped ? ' escaped="true"' : ''}>${escapeContent(key as string, escaped)}</text>`;
    }
    case 'bytes':
      return `<bytes>${Buffer.from(key as Uint8Array).toString('base64')}</bytes>`;
    case 'tuple': {
      const elements = type.elements as readonly TypeDescription[];
      return `<tuple>${(key as unknown[]).map((element, index) => keyText(elements[index] as TypeDescription, element)).join('')}</tuple>`;
    }
    case 'f64':
    case 'timestamp':
      return `<${kind}>${numberText(key as number)}</${kind}>`;
    default:
      return `<${kind}>${String(key)}</${kind}>`;
  }
}

/** The key whose name a walk of a damaged tree reported; `undefined` if it cannot be told. */
export function keyFromName(type: TypeDescription, name: string | number): unknown {
  if (typeof name === 'number') return name;
  if (type.kind === 'text') return name;
  try {
    return fromJson(type, JSON.parse(name));
  } catch {
    // Not the name of a key of this type: the entry is then left out, with a finding by the caller.
    return undefined;
  }
}

function fromJson(type: TypeDescription, value: unknown): unknown {
  if (type.kind === 'tuple') {
    const elements = type.elements as readonly TypeDescription[];
    return elements.map((element, index) => fromJson(element, (value as unknown[])[index]));
  }
  if (type.kind === 'i64' || type.kind === 'u64') return BigInt(value as string);
  if (type.kind === 'bytes') return Buffer.from(value as string, 'hex');
  if (value === null) throw new TypeError('An infinite number has no name in JSON.');
  return value;
}
