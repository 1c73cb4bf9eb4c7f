// Where output goes and how it may look there: colours only where a person looks and has not asked for none, one JSON a line
// where a program listens.

import { styleText } from 'node:util';

/** What `styleText` takes: 'dim', 'red', 'bold', … */
export type Style = Parameters<typeof styleText>[0];

/** A stream to write to, as much of it as is needed here. */
export interface TextStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What a terminal is made of. */
export interface TerminalOptions {
  /** Results and the timeline; default standard output. */
  readonly output?: TextStream;
  /** Errors and progress; default standard error. */
  readonly errors?: TextStream;
  /** One JSON a line instead of words. */
  readonly json?: boolean;
  /** NO_COLOR, FORCE_COLOR and TERM are looked at; default the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A place to write to. */
export interface Terminal {
  /** Whether programs listen: write objects, not words. */
  readonly json: boolean;
  /** Whether a person looks at standard output. */
  readonly isInteractive: boolean;
  /** Width in columns; 80 where unknown. */
  readonly columns: number;
  readonly output: TextStream;
  readonly errors: TextStream;
  /** Text with a style, where colours are shown on standard output. */
  paint(style: Style, text: string): string;
  /** Text with a style, where colours are shown on standard error. */
  paintError(style: Style, text: string): string;
  /** One line to standard output. */
  line(text?: string): void;
  /** One line of JSON to standard output. */
  data(value: unknown): void;
}

/** Opens the terminal that a command writes to. */
export function openTerminal(options: TerminalOptions = {}): Terminal {
  const output = options.output ?? process.stdout;
  const errors = options.errors ?? process.stderr;
  const environment = options.environment ?? process.env;
  const paintFor = (stream: TextStream) => (style: Style, text: string) =>
    hasColours(stream, environment) ? styleText(style, text, { validateStream: false }) : text;
  return {
    json: options.json ?? false,
    isInteractive: output.isTTY === true,
    columns: output.columns ?? 80,
    output,
    errors,
    paint: paintFor(output),
    paintError: paintFor(errors),
    line: (text = '') => void output.write(`${text}\n`),
    data: (value) => void output.write(`${JSON.stringify(value)}\n`),
  };
}

/** FORCE_COLOR wins, then NO_COLOR (https://no-color.org), then whether the stream is a terminal that knows colours. */
function hasColours(stream: TextStream, environment: Readonly<Record<string, string | undefined>>): boolean {
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if ((environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb') return false;
  return stream.isTTY === true;
}
