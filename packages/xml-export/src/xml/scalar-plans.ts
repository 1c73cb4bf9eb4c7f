// How values are written that hold no other values: numbers, texts, bytes, JSON; and the optional, which adds nothing but absence.

import { type FieldType, LAYOUT_BLOB } from '@mofo/shm-store';
import { SLICE_LENGTH } from '../constants.ts';
import { escapeContent, isUnspeakable, speakableJson } from './escape.ts';
import { nanBits, nanBits32, numberText } from './number-text.ts';
import type { Plan, XmlOutput } from './output.ts';
import { wordAt } from './read-word.ts';
import { BytesFrame, TextFrame } from './slice-frames.ts';

/** Integers and booleans: what reading gives is what is written. */
export class PlainPlan implements Plan {
  private readonly tag: string;
  private readonly type: FieldType<unknown, unknown>;

  constructor(tag: string, type: FieldType<unknown, unknown>) {
    this.tag = tag;
    this.type = type;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
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

/** Doubles and timestamps. */
export class DoublePlan implements Plan {
  private readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
    const { door } = writer.memory;
    const i = door.at((block + 1 + (word >> 2)) | 0) + (word & 3);
    const value = door.floats[i >> 1] as number;
    const bits = Number.isNaN(value) ? nanBits(door.words, i) : '';
    writer.out += `<${this.tag}${name}${bits}>${numberText(value)}</${this.tag}>`;
  }
}

/** Single-precision floats, as the doubles that they are. */
export class SinglePlan implements Plan {
  private readonly type: FieldType<unknown, unknown>;

  constructor(type: FieldType<unknown, unknown>) {
    this.type = type;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
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

  write(writer: XmlOutput, block: number, word: number, name: string): void {
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

  protected abstract writeValue(writer: XmlOutput, value: T, name: string): void;
}

/** Text. */
export class TextPlan extends BlobPlan<string> {
  protected override writeValue(writer: XmlOutput, value: string, name: string): void {
    const escaped = isUnspeakable(value);
    const open = escaped ? `<text${name} escaped="true">` : `<text${name}>`;
    if (value.length <= SLICE_LENGTH) writer.out += `${open}${escapeContent(value, escaped)}</text>`;
    else writer.push(new TextFrame(open, value, escaped, '</text>'));
  }
}

/** JSON, as its text. */
export class JsonPlan extends BlobPlan<unknown> {
  protected override writeValue(writer: XmlOutput, value: unknown, name: string): void {
    const json = speakableJson(value);
    if (json.length <= SLICE_LENGTH) writer.out += `<json${name}>${escapeContent(json, false)}</json>`;
    else writer.push(new TextFrame(`<json${name}>`, json, false, '</json>'));
  }
}

/** Bytes, in base64. */
export class BytesPlan extends BlobPlan<Uint8Array> {
  protected override writeValue(writer: XmlOutput, value: Uint8Array, name: string): void {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (bytes.length <= SLICE_LENGTH) writer.out += `<bytes${name}>${bytes.toString('base64')}</bytes>`;
    else writer.push(new BytesFrame(`<bytes${name}>`, bytes, '</bytes>'));
  }
}

/** One of some strings. */
export class OneOfPlan implements Plan {
  private readonly type: FieldType<unknown, unknown>;

  constructor(type: FieldType<unknown, unknown>) {
    this.type = type;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
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
export class OptionalPlan implements Plan {
  private readonly inner: Plan;
  private readonly presenceWord: number;

  constructor(inner: Plan, presenceWord: number) {
    this.inner = inner;
    this.presenceWord = presenceWord;
  }

  write(writer: XmlOutput, block: number, word: number, name: string): void {
    const presence = wordAt(writer.memory, block, word + this.presenceWord);
    if (presence === 1) this.inner.write(writer, block, word, name);
    else if (presence === 0) writer.out += `<absent${name}/>`;
    else
      writer.invalid(
        'VALUE_INVALID',
        name,
        block,
        `The block at granule ${block >>> 0} holds ${presence} as a presence word.`,
      );
  }
}
