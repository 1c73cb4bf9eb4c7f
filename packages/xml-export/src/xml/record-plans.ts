// Records and structs: <object> with its fields, then its extensions by layout id, each a range of fields in a block of its own.

import { LAYOUT_EXTENSION, ShmStoreError, type TypeDescription } from '@mofo/shm-store';
import type { PathStep } from '../path.ts';
import type { Frame, LayoutPlan, Plan, PlannedField, Plans, XmlOutput } from './output.ts';
import { wordAt } from './read-word.ts';

/** An owned record. */
export class RecordPlan implements Plan {
  private readonly typeName: string;

  constructor(typeName: string) {
    this.typeName = typeName;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
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
export class StructPlan implements Plan {
  private readonly fields: readonly PlannedField[];

  constructor(description: TypeDescription, plans: Plans) {
    const fields = description.fields as Readonly<
      Record<string, { readonly at: number; readonly type: TypeDescription }>
    >;
    this.fields = Object.entries(fields).map(([name, { at, type }]) => {
      return { name, attribute: ` name="${name}"`, word: at, plan: plans.planOf(type) };
    });
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
    if (writer.defer(this, block, word, name)) return;
    writer.out += `<struct${name}>`;
    writer.push(new FieldsFrame([{ block, base: word, open: '', fields: this.fields, close: '</struct>' }]));
  }
}

/** Fields in one block, with what is written before and behind them. */
interface FieldRange {
  readonly block: number;
  readonly base: number;
  readonly open: string;
  readonly fields: readonly PlannedField[];
  readonly close: string;
}

/** Most extensions of a record; the catalog adds no more. */
const EXTENSION_COUNT_MAX = 64;

/** Writes one range of fields after the other. */
class FieldsFrame implements Frame {
  private readonly ranges: readonly FieldRange[];
  private range = 0;
  private field = 0;
  private current: PathStep | undefined;

  constructor(ranges: readonly FieldRange[]) {
    this.ranges = ranges;
  }

  get place(): PathStep | undefined {
    return this.current;
  }

  step(writer: XmlOutput): void {
    const range = this.ranges[this.range];
    if (range === undefined) {
      writer.pop();
      return;
    }
    const { block, base, fields } = range;
    if (this.field === 0) writer.out += range.open;
    const depth = writer.depth;
    while (this.field < fields.length) {
      const { name, attribute, word, plan } = fields[this.field++] as PlannedField;
      this.current = name;
      plan.write(writer, block, base + word, attribute);
      if (writer.depth !== depth) return;
    }
    writer.out += range.close;
    this.range++;
    this.field = 0;
    this.current = undefined;
    if (this.range === this.ranges.length) writer.pop();
  }
}

/** Begins a record, whose block has been claimed. Throws CORRUPT before anything is written. */
function pushRecord(writer: XmlOutput, block: number, layout: LayoutPlan, name: string): void {
  const { entry, fields } = layout;
  requireCapacity(writer, block, entry.words);
  const open = `<object${name} id="${writer.idOf(block)}" layout="${entry.layoutId}">`;
  const { door } = writer.memory;
  const i = door.at((block + 1) | 0);
  const extension = door.words[i] as number;
  if (extension === 0) {
    writer.push(new FieldsFrame([{ block, base: 0, open, fields, close: '</object>\n' }]));
    return;
  }
  const { ranges, failure } = extensionRanges(writer, block, extension, layout);
  writer.push(new FieldsFrame([{ block, base: 0, open, fields, close: '' }, ...ranges, END]));
  if (failure !== undefined) writer.report('VALUE_INVALID', block, failure);
}

const END: FieldRange = { block: 0, base: 0, open: '', fields: [], close: '</object>\n' };

/** The record's extensions in the order of their layouts, as far as the chain is sound. */
function extensionRanges(
  writer: XmlOutput,
  record: number,
  first: number,
  layout: LayoutPlan,
): { ranges: FieldRange[]; failure: unknown } {
  const found: { layoutId: number; range: FieldRange }[] = [];
  let failure: unknown;
  try {
    let block = first;
    for (let count = 0; block !== 0; count++) {
      if (count === EXTENSION_COUNT_MAX) throw corruptExtension(record, 'has an endless chain of extensions');
      writer.memory.heap.check(block, LAYOUT_EXTENSION);
      if (!writer.claimQuietly(block))
        throw corruptExtension(record, 'has an extension that has another owner already');
      const { door } = writer.memory;
      const i = door.at((block + 1) | 0);
      const layoutId = door.words[i] as number;
      const next = door.words[i + 1] as number;
      const { entry, fields } = writer.plans.layoutOf(layoutId);
      if (entry.kind !== 'extension' || entry.base !== layout.entry.layoutId) {
        throw corruptExtension(record, `has an extension of layout ${layoutId}, which does not extend it`);
      }
      requireCapacity(writer, block, entry.words);
      const range = { block, base: 0, open: `<extension layout="${layoutId}">`, fields, close: '</extension>' };
      found.push({ layoutId, range });
      block = next;
    }
  } catch (error) {
    failure = error;
  }
  found.sort((a, b) => a.layoutId - b.layoutId);
  return { ranges: found.map(({ range }) => range), failure };
}

function requireCapacity(writer: XmlOutput, block: number, words: number): void {
  if (writer.memory.heap.capacityBytes(block) >= words * 4) return;
  throw new ShmStoreError('CORRUPT', `The block at granule ${block >>> 0} is too small for its layout.`);
}

function corruptExtension(record: number, what: string): ShmStoreError {
  return new ShmStoreError('CORRUPT', `The record at granule ${record >>> 0} ${what}.`);
}
