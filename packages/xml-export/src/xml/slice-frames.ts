// Long texts and byte strings, written in slices, so that a consumer can pause in the middle of them and no string grows beyond what Node.js takes.

import { SLICE_LENGTH } from '../constants.ts';
import { escapeContent } from './escape.ts';
import type { Frame, XmlOutput } from './output.ts';

/** A long text. */
export class TextFrame implements Frame {
  readonly place = undefined;
  private readonly open: string;
  private readonly text: string;
  private readonly escaped: boolean;
  private readonly close: string;
  private at = 0;

  constructor(open: string, text: string, escaped: boolean, close: string) {
    this.open = open;
    this.text = text;
    this.escaped = escaped;
    this.close = close;
  }

  step(writer: XmlOutput): void {
    const { text } = this;
    if (this.at === 0) writer.out += this.open;
    let end = Math.min(text.length, this.at + SLICE_LENGTH);
    // A pair of surrogates stays together: alone, each half would be escaped.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end++;
    writer.out += escapeContent(text.slice(this.at, end), this.escaped);
    this.at = end;
    if (end < text.length) return;
    writer.out += this.close;
    writer.pop();
  }
}

/** A long byte string, in base64. */
export class BytesFrame implements Frame {
  readonly place = undefined;
  private readonly open: string;
  private readonly bytes: Buffer;
  private readonly close: string;
  private at = 0;

  constructor(open: string, bytes: Buffer, close: string) {
    this.open = open;
    this.bytes = bytes;
    this.close = close;
  }

  step(writer: XmlOutput): void {
    if (this.at === 0) writer.out += this.open;
    writer.out += this.bytes.toString('base64', this.at, Math.min(this.bytes.length, this.at + SLICE_LENGTH));
    this.at += SLICE_LENGTH;
    if (this.at < this.bytes.length) return;
    writer.out += this.close;
    writer.pop();
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
