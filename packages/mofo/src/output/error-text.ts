// How an error is told: code, what happened, what to do; or as data.
//
//   MofoError [STORE_FULL]: store "bank" is full: …
//     The transaction was rolled back; nothing was lost. …

import { factsOf } from '../error-facts.ts';
import type { Terminal } from './terminal.ts';

/** Characters of a line before it is broken; error messages are prose. */
const lineWidthMax = 110;

/** The code of any error of ours, or of the system; 'UNEXPECTED' for others. */
export function codeOfError(error: unknown): string {
  return factsOf(error).code ?? 'UNEXPECTED';
}

/** An error as lines: the first sentence behind the code, the rest below it. A stack only for what nobody foresaw. */
export function errorLines(error: unknown, terminal: Terminal): string[] {
  const { name, message, code = 'UNEXPECTED' } = factsOf(error);
  const [paragraph = '', ...below] = message.split('\n');
  const sentenceEnd = paragraph.search(/(?<=[.?!]) (?=[A-Z`"'])/);
  const first = sentenceEnd < 0 ? paragraph : paragraph.slice(0, sentenceEnd);
  const rest = sentenceEnd < 0 ? '' : paragraph.slice(sentenceEnd + 1);
  const lines = [`${terminal.paintError(['red', 'bold'], `${name} [${code}]:`)} ${first}`, ...wrapped(rest)];
  lines.push(...below.map((line) => terminal.paintError('dim', `  ${line.replace(/^ {2}(?! )/, '')}`)));
  if (code === 'UNEXPECTED' && error instanceof Error && error.stack !== undefined) {
    const frames = error.stack.split('\n').filter((line) => line.startsWith('    at '));
    lines.push(...frames.map((line) => terminal.paintError('dim', line)));
  }
  return lines;
}

/** An error as data: `{ error: { code, message, … } }`. */
export function errorData(error: unknown): { readonly error: Readonly<Record<string, unknown>> } {
  const { message, data, code = 'UNEXPECTED' } = factsOf(error);
  return { error: { code, message, ...(data === undefined ? {} : { data }) } };
}

/** Writes an error to standard error: words for people, one JSON for programs. */
export function writeError(error: unknown, terminal: Terminal): void {
  const text = terminal.json ? JSON.stringify(errorData(error)) : errorLines(error, terminal).join('\n');
  terminal.errors.write(`${text}\n`);
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((part) => part !== '')) {
    if (line !== '' && line.length + word.length >= lineWidthMax) {
      lines.push(`  ${line}`);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  if (line !== '') lines.push(`  ${line}`);
  return lines;
}
