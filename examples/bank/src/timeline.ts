// What a person sees: one line for each thing that happens, below a line that says how the load is doing; plain lines without a terminal.

import { clearLine, cursorTo } from 'node:readline';
import { styleText } from 'node:util';

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow';

/** Writes the demo's timeline. */
export class Timeline {
  private readonly startedAt = performance.now();
  private readonly stream: NodeJS.WriteStream;
  private readonly isLive: boolean;
  private status = '';

  /** Writes to stderr when `quiet` (stdout is for data then). */
  constructor(quiet: boolean) {
    this.stream = quiet ? process.stderr : process.stdout;
    this.isLive = this.stream.isTTY === true;
  }

  /** A new part of the story. */
  step(title: string): void {
    this.line('');
    this.line(`${this.time()}  ${this.paint('bold', title)}`);
  }

  /** Something that happened. */
  event(text: string, style: Style = 'dim'): void {
    this.line(`${this.time()}    ${this.paint(style, text)}`);
  }

  /** The line about the load, replaced in place. */
  load(text: string): void {
    if (!this.isLive) return;
    this.status = text;
    this.showStatus();
  }

  /** Text as it is. */
  line(text: string): void {
    if (this.isLive && this.status !== '') this.eraseStatus();
    this.stream.write(`${text}\n`);
    if (this.isLive && this.status !== '') this.showStatus();
  }

  /** Takes the load line away. */
  end(): void {
    if (this.isLive && this.status !== '') this.eraseStatus();
    this.status = '';
  }

  private showStatus(): void {
    this.eraseStatus();
    this.stream.write(this.paint('cyan', this.status.slice(0, (this.stream.columns ?? 80) - 1)));
  }

  private eraseStatus(): void {
    cursorTo(this.stream, 0);
    clearLine(this.stream, 0);
  }

  private time(): string {
    return this.paint('dim', `${((performance.now() - this.startedAt) / 1000).toFixed(1).padStart(6)}s`);
  }

  private paint(style: Style, text: string): string {
    return text === '' ? '' : styleText(style, text, { stream: this.stream } as never);
  }
}
