// Trees, lists, queues and counters. A collection is read through its own handle, made for places instead of values (place-type.ts): so it comes in
// order, a batch at a time, whatever its size.
//
// Where reading fails on damage, the structure's walk for checkers, which goes on past damage, says what else can be reached, and writing continues
// with that. Only then is a list of places kept.

import {
  type FieldType,
  LAYOUT_COUNTER,
  LAYOUT_LIST,
  LAYOUT_QUEUE,
  LAYOUT_TREE,
  MAIN_HEAP,
  type Memory,
  ShmStoreError,
  SLAB_BYTES,
  type TypeDescription,
  typeFromDescription,
  type Visitor,
} from '@mofo/shm-store';
import { sentenceOf } from '../finding.ts';
import { keyStep, type PathStep } from '../path.ts';
import { blockOfPlace, PlaceType, wordOfPlace } from '../place-type.ts';
import { keyFromName, keyText } from './key-text.ts';
import { numberText } from './number-text.ts';
import type { Frame, Plan, Plans, XmlOutput } from './output.ts';
import { wordAt } from './read-word.ts';

/** What every field type of a collection of the journal has: a walk that reports damage instead of throwing. */
interface WalkedType {
  visitBlocks(memory: Memory, header: number, visitor: Visitor): void;
}

/** A key (position, in lists and queues) and the place of its value. */
type Entry = readonly [unknown, number];

abstract class CollectionPlan implements Plan {
  protected readonly tag: string;
  protected readonly description: TypeDescription;
  protected readonly heapWords: number;
  private readonly layoutId: number;
  private readonly placed: FieldType<unknown, unknown>;
  private readonly values: Plan;

  constructor(description: TypeDescription, layoutId: number, memory: Memory, plans: Plans) {
    this.tag = description.kind;
    this.description = description;
    this.layoutId = layoutId;
    const { kinds } = memory.catalog;
    const h = memory.door.atSystem(MAIN_HEAP / 16);
    this.heapWords = ((memory.door.words[h + 1] as number) >>> 0) * (SLAB_BYTES / 4);
    const make = kinds.types.get(description.kind);
    if (make === undefined)
      throw new ShmStoreError('TYPE_UNKNOWN', `This program does not know the kind ${description.kind}.`);
    this.values = plans.planOf(description.value as TypeDescription);
    this.placed = make(description, (inner) => {
      return new PlaceType(typeFromDescription(inner as TypeDescription, kinds), inner as TypeDescription) as FieldType<
        unknown,
        unknown
      >;
    });
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
    const { memory } = writer;
    const header = wordAt(memory, block, word);
    if (header === 0) {
      writer.out += `<${this.tag}${name}/>`;
      return;
    }
    if (writer.defer(this, block, word, name)) return;
    if (!writer.claim(header, this.layoutId, name)) return;
    let entries: Iterator<Entry>;
    try {
      entries = this.entries(this.placed.read(memory, block, word));
    } catch (error) {
      writer.invalidError('COLLECTION_INVALID', name, header, error);
      return;
    }
    const walk = (visitor: Visitor): void =>
      (this.placed as unknown as WalkedType).visitBlocks(memory, header, visitor);
    writer.out += `<${this.tag}${name}>`;
    writer.push(new EntriesFrame({ tag: this.tag, header, entries, walk, values: this.values, keyType: this.keyType }));
  }

  /** Type of the keys; `undefined` if they are positions and not written. */
  protected get keyType(): TypeDescription | undefined {
    return undefined;
  }

  protected abstract entries(handle: unknown): Iterator<Entry>;
}

/** <tree>, with <entry>s of a key and a value in key order. */
export class TreePlan extends CollectionPlan {
  constructor(description: TypeDescription, memory: Memory, plans: Plans) {
    super(description, LAYOUT_TREE, memory, plans);
  }

  protected override get keyType(): TypeDescription {
    return this.description.key as TypeDescription;
  }

  protected override entries(handle: unknown): Iterator<Entry> {
    return (handle as Iterable<Entry>)[Symbol.iterator]();
  }
}

/** <list>, with its values in order. */
export class ListPlan extends CollectionPlan {
  constructor(description: TypeDescription, memory: Memory, plans: Plans) {
    super(description, LAYOUT_LIST, memory, plans);
  }

  protected override *entries(handle: unknown): Iterator<Entry> {
    const list = handle as { readonly length: number; get(index: number): number };
    const { length } = list;
    // Chunks that lead to themselves could pass for billions of values; no list has more than the heap has words.
    if (length > this.heapWords)
      throw new ShmStoreError('CORRUPT', `A list counts ${length} values, more than the heap has words.`);
    for (let index = 0; index < length; index++) yield [index, list.get(index)];
  }
}

/** <queue>, with its values from the first to the last. */
export class QueuePlan extends CollectionPlan {
  constructor(description: TypeDescription, memory: Memory, plans: Plans) {
    super(description, LAYOUT_QUEUE, memory, plans);
  }

  protected override *entries(handle: unknown): Iterator<Entry> {
    yield* (handle as { toArray(): number[] }).toArray().entries();
  }
}

/** <counter>. */
export class CounterPlan implements Plan {
  write(writer: XmlOutput, block: number, word: number, name: string): void {
    const { memory } = writer;
    const header = wordAt(memory, block, word);
    if (header !== 0 && !writer.claim(header, LAYOUT_COUNTER, name)) return;
    let value = 0;
    if (header !== 0) {
      const i = memory.door.at((header + 1) | 0);
      value = memory.door.floats[i >> 1] as number;
    }
    if (Number.isFinite(value)) writer.out += `<counter${name}>${numberText(value)}</counter>`;
    else writer.invalid('COLLECTION_INVALID', name, header, `The counter at granule ${header >>> 0} holds ${value}.`);
  }
}

interface OpenCollection {
  readonly tag: string;
  readonly header: number;
  readonly entries: Iterator<Entry>;
  readonly walk: (visitor: Visitor) => void;
  readonly values: Plan;
  readonly keyType: TypeDescription | undefined;
}

/** Writes the entries of a collection. */
class EntriesFrame implements Frame {
  private readonly collection: OpenCollection;
  private entries: Iterator<Entry>;
  private key: unknown;
  private lastPlace = -1;
  private isEntryOpen = false;
  private isSalvaging = false;

  constructor(collection: OpenCollection) {
    this.collection = collection;
    this.entries = collection.entries;
  }

  get place(): PathStep | undefined {
    if (this.key === undefined) return undefined;
    return typeof this.key === 'number' ? this.key : keyStep(this.key);
  }

  step(writer: XmlOutput): void {
    const { tag, keyType, values } = this.collection;
    if (this.isEntryOpen) {
      writer.out += '</entry>\n';
      this.isEntryOpen = false;
    }
    const entry = this.nextEntry(writer);
    if (entry === undefined) {
      writer.out += `</${tag}>\n`;
      writer.pop();
      return;
    }
    const place = entry[1];
    this.key = entry[0];
    this.lastPlace = place;
    if (keyType !== undefined) {
      writer.out += `<entry>${keyText(keyType, entry[0])}`;
      this.isEntryOpen = true;
    }
    values.write(writer, blockOfPlace(place), wordOfPlace(place), '');
  }

  private nextEntry(writer: XmlOutput): Entry | undefined {
    try {
      const result = this.entries.next();
      return result.done === true ? undefined : result.value;
    } catch (error) {
      this.key = undefined;
      if (this.isSalvaging) throw error;
      this.salvage(writer, error);
      return this.nextEntry(writer);
    }
  }

  /** Goes on with what the walk for checkers reaches behind the last entry written. */
  private salvage(writer: XmlOutput, error: unknown): void {
    this.isSalvaging = true;
    const { header, walk, keyType } = this.collection;
    const problems = new Set<string>([sentenceOf(error)]);
    writer.report('COLLECTION_INVALID', header, error);
    const found: Entry[] = [];
    let key: string | number = 0;
    walk({
      enter: (name) => {
        key = name;
      },
      leave() {},
      scalar(place) {
        const entryKey = keyType === undefined ? found.length : keyFromName(keyType, key);
        if (entryKey === undefined)
          writer.report('COLLECTION_INVALID', header, new Error(`The entry ${key} was left out.`));
        found.push([entryKey, place as number]);
      },
      json() {},
      owned() {},
      ref() {},
      problem(problem) {
        const sentence = sentenceOf(problem);
        if (problems.has(sentence)) return;
        problems.add(sentence);
        writer.report('COLLECTION_INVALID', header, problem);
      },
    });
    const last = found.findIndex(([, place]) => place === this.lastPlace);
    this.entries = found
      .slice(last + 1)
      .filter(([entryKey]) => entryKey !== undefined)
      .values();
  }
}
