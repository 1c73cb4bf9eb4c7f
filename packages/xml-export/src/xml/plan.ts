// How values of one type are written: compiled once for each type and layout, then run for each value. A plan reads where the value lies, so that
// the bits of a NaN are seen that JavaScript may lose when it passes a number on.
//
// A plan writes a whole element: the value's, or <invalid code="…"/> for what cannot be read, with a finding. `name` is ` name="…"` for fields, else ''.

import {
  type CatalogEntry,
  type FieldType,
  LAYOUT_BLOB,
  LAYOUT_USER_FIRST,
  type Memory,
  ShmStoreError,
  type TypeDescription,
  typeFromDescription,
} from '@mofo/shm-store';
import { SLICE_LENGTH } from '../constants.ts';
import { CounterPlan, QueuePlan, ListPlan, TreePlan } from './collection-plans.ts';
import { escapeContent, isUnspeakable, speakableJson } from './escape.ts';
import { FieldsFrame, pushRecord, type PlannedField } from './record-frame.ts';
import { BytesFrame, TextFrame } from './slice-frames.ts';
import { nanBits, nanBits32, numberText } from './number-text.ts';
import type { XmlWriter } from './xml-writer.ts';

/** Writes values of one type. */
export interface Plan {
  write(writer: XmlWriter, block: number, word: number, name: string): void;
}

/** A record layout with its plans. */
export interface LayoutPlan {
  readonly entry: CatalogEntry;
  readonly fields: readonly PlannedField[];
}

/** All plans of one export. */
export class PlanTable {
  private readonly memory: Memory;
  private readonly plans = new Map<TypeDescription, Plan>();
  private readonly layouts = new Map<number, LayoutPlan>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The plan for a type. Throws CORRUPT, TYPE_UNKNOWN. */
  planOf(description: TypeDescription): Plan {
    const known = this.plans.get(description);
    if (known !== undefined) return known;
    const plan = makePlan(description, this.memory, this);
    this.plans.set(description, plan);
    return plan;
  }

  /** The plans for all fields of a layout of records or extensions. Throws CORRUPT, TYPE_UNKNOWN. */
  layoutOf(layoutId: number): LayoutPlan {
    const known = this.layouts.get(layoutId);
    if (known !== undefined) return known;
    const { catalog } = this.memory;
    const entry = catalog.entry(layoutId);
    const fields = catalog.storedFields(entry).map(({ name, word, description }): PlannedField => {
      return { name, attribute: ` name="${name}"`, word, plan: this.planOf(description) };
    });
    const layout = { entry, fields };
    this.layouts.set(layoutId, layout);
    return layout;
  }
}

function makePlan(description: TypeDescription, memory: Memory, plans: PlanTable): Plan {
  const type = typeFromDescription(description, memory.catalog.kinds);
  switch (description.kind) {
    case 'f64':
    case 'timestamp':
      return new DoublePlan(description.kind);
    case 'f32':
      return new SinglePlan(type);
    case 'text':
      return new TextPlan(type);
    case 'bytes':
      return new BytesPlan(type);
    case 'json':
      return new JsonPlan(type);
    case 'oneOf':
      return new OneOfPlan(type);
    case 'optional': {
      const inner = description['of'] as TypeDescription;
      return new OptionalPlan(plans.planOf(inner), typeFromDescription(inner, memory.catalog.kinds).words);
    }
    case 'ref':
      return new RefPlan(description['to'] as string);
    case 'record':
      return new RecordPlan(description['name'] as string);
    case 'struct':
      return new StructPlan(description, plans);
    case 'tree':
      return new TreePlan(description, memory, plans);
    case 'list':
      return new ListPlan(description, memory, plans);
    case 'queue':
      return new QueuePlan(description, memory, plans);
    case 'counter':
      return new CounterPlan();
    default:
      return new PlainPlan(description.kind, type);
  }
}

/** Integers and booleans: what reading gives is what is written. */
class PlainPlan implements Plan {
  private readonly tag: string;
  private readonly type: FieldType<unknown, unknown>;

  constructor(tag: string, type: FieldType<unknown, unknown>) {
    this.tag = tag;
    this.type = type;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    let value: unknown;
    try {
      value = this.type.read(writer.memory, block, word);
    } catch (error) {
      writer.invalidError('VALUE_INVALID', name, block, error);
      return;
    }
    writer.out += `<${this.tag}${name}>${String(value)}</${this.tag}>`;
  }
}

class DoublePlan implements Plan {
  private readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    const { door } = writer.memory;
    const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
    const value = door.floats[i >> 1] as number;
    const bits = Number.isNaN(value) ? nanBits(door.words, i) : '';
    writer.out += `<${this.tag}${name}${bits}>${numberText(value)}</${this.tag}>`;
  }
}

class SinglePlan implements Plan {
  private readonly type: FieldType<unknown, unknown>;

  constructor(type: FieldType<unknown, unknown>) {
    this.type = type;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    const value = this.type.read(writer.memory, block, word) as number;
    const { door } = writer.memory;
    const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
    const bits = Number.isNaN(value) ? nanBits32(door.words, i) : '';
    writer.out += `<f32${name}${bits}>${numberText(value)}</f32>`;
  }
}

/** What text, bytes and JSON share: their blob is owned, and its content may be long. */
abstract class BlobPlan<T> implements Plan {
  private readonly type: FieldType<unknown, unknown>;

  constructor(type: FieldType<unknown, unknown>) {
    this.type = type;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    const { memory } = writer;
    const blob = wordAt(memory, block, word);
    if (blob !== 0 && !writer.claim(blob, LAYOUT_BLOB, name)) return;
    let value: T;
    try {
      value = this.type.read(memory, block, word) as T;
    } catch (error) {
      writer.invalidError('VALUE_INVALID', name, blob, error);
      return;
    }
    this.writeValue(writer, value, name);
  }

  protected abstract writeValue(writer: XmlWriter, value: T, name: string): void;
}

class TextPlan extends BlobPlan<string> {
  protected override writeValue(writer: XmlWriter, value: string, name: string): void {
    const escaped = isUnspeakable(value);
    const open = escaped ? `<text${name} escaped="true">` : `<text${name}>`;
    if (value.length <= SLICE_LENGTH) writer.out += `${open}${escapeContent(value, escaped)}</text>`;
    else writer.push(new TextFrame(open, value, escaped, '</text>'));
  }
}

class JsonPlan extends BlobPlan<unknown> {
  protected override writeValue(writer: XmlWriter, value: unknown, name: string): void {
    const json = speakableJson(value);
    if (json.length <= SLICE_LENGTH) writer.out += `<json${name}>${escapeContent(json, false)}</json>`;
    else writer.push(new TextFrame(`<json${name}>`, json, false, '</json>'));
  }
}

class BytesPlan extends BlobPlan<Uint8Array> {
  protected override writeValue(writer: XmlWriter, value: Uint8Array, name: string): void {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (bytes.length <= SLICE_LENGTH) writer.out += `<bytes${name}>${bytes.toString('base64')}</bytes>`;
    else writer.push(new BytesFrame(`<bytes${name}>`, bytes, '</bytes>'));
  }
}

class OneOfPlan implements Plan {
  private readonly type: FieldType<unknown, unknown>;

  constructor(type: FieldType<unknown, unknown>) {
    this.type = type;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    let value: string;
    try {
      value = this.type.read(writer.memory, block, word) as string;
    } catch (error) {
      writer.invalidError('VALUE_INVALID', name, block, error);
      return;
    }
    const escaped = isUnspeakable(value);
    writer.out += `<oneOf${name}${escaped ? ' escaped="true"' : ''}>${escapeContent(value, escaped)}</oneOf>`;
  }
}

/** The inner value's element, or <absent/>. */
class OptionalPlan implements Plan {
  private readonly inner: Plan;
  private readonly presenceWord: number;

  constructor(inner: Plan, presenceWord: number) {
    this.inner = inner;
    this.presenceWord = presenceWord;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    const presence = wordAt(writer.memory, block, word + this.presenceWord);
    if (presence === 1) this.inner.write(writer, block, word, name);
    else if (presence === 0) writer.out += `<absent${name}/>`;
    else writer.invalid('VALUE_INVALID', name, block, `The block at granule ${block >>> 0} holds ${presence} as a presence word.`);
  }
}

class RefPlan implements Plan {
  private readonly target: string;

  constructor(target: string) {
    this.target = target;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    const { memory } = writer;
    const { heap } = memory;
    const granule = wordAt(memory, block, word);
    const stamp = wordAt(memory, block, word + 1);
    const report = (code: 'REF_UNSET' | 'REF_OUT_OF_BOUNDS' | 'REF_MISPLACED' | 'REF_DANGLING' | 'REF_WRONG_TYPE', what: string): void => {
      writer.invalid(code, name, block, `A ref to a ${this.target} ${what}.`);
    };
    if (granule === 0 && stamp === 0) report('REF_UNSET', 'was never set');
    else if (heap.isLive(granule, stamp)) {
      const layoutId = heap.layoutOf(granule);
      if (layoutId >= LAYOUT_USER_FIRST && nameOfLayout(memory, layoutId) === this.target) {
        writer.out += `<ref${name} to="${writer.idOf(granule)}"/>`;
      } else report('REF_WRONG_TYPE', `leads to granule ${granule >>> 0}, where there is something else`);
    } else {
      const place = writer.placeOf(granule);
      if (place === 'outside') report('REF_OUT_OF_BOUNDS', `leads to granule ${granule >>> 0}, outside the heap`);
      else if (place === 'inside') report('REF_MISPLACED', `leads to granule ${granule >>> 0}, where no block starts`);
      else report('REF_DANGLING', `leads to granule ${granule >>> 0}, where the record that it named no longer is`);
    }
  }
}

class RecordPlan implements Plan {
  private readonly typeName: string;

  constructor(typeName: string) {
    this.typeName = typeName;
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    if (writer.defer(this, block, word, name)) return;
    const { memory } = writer;
    const owned = wordAt(memory, block, word);
    if (!writer.claim(owned, 0, name)) return;
    try {
      const layoutId = memory.heap.layoutOf(owned);
      const layout = writer.plans.layoutOf(layoutId);
      if (layout.entry.kind !== 'struct' || layout.entry.name !== this.typeName) {
        throw new ShmStoreError('WRONG_TYPE', `Found a ${layout.entry.name} where a ${this.typeName} was expected.`);
      }
      pushRecord(writer, owned, layout, name);
    } catch (error) {
      writer.invalidError('LINK_INVALID', name, owned, error);
    }
  }
}

/** A struct inside its record: its fields lie at fixed places behind its own. */
class StructPlan implements Plan {
  private readonly fields: readonly PlannedField[];

  constructor(description: TypeDescription, plans: PlanTable) {
    const fields = description['fields'] as Readonly<Record<string, { readonly at: number; readonly type: TypeDescription }>>;
    this.fields = Object.entries(fields).map(([name, { at, type }]) => {
      return { name, attribute: ` name="${name}"`, word: at, plan: plans.planOf(type) };
    });
  }

  write(writer: XmlWriter, block: number, word: number, name: string): void {
    if (writer.defer(this, block, word, name)) return;
    writer.out += `<struct${name}>`;
    writer.push(new FieldsFrame([{ block, base: word, open: '', fields: this.fields, close: '</struct>' }]));
  }
}

/** Payload word `word` of a block that has been proved. */
export function wordAt(memory: Memory, block: number, word: number): number {
  const { door } = memory;
  const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
  return door.words[i] as number;
}

function nameOfLayout(memory: Memory, layoutId: number): string | undefined {
  try {
    const entry = memory.catalog.entry(layoutId);
    return entry.kind === 'struct' ? entry.name : undefined;
  } catch {
    // An unknown layout is no record of the wanted type; the caller reports that.
    return undefined;
  }
}
