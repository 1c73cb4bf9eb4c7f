// How an error is told: code, what happened, what to do; or as data.
//
//   MofoError [STORE_FULL]: store "bank" is full: …
//     The transaction was rolled back; nothing was lost. …

import type { Terminal } from './terminal.ts';

/** Characters of a line before it is broken; error messages are prose. */
const lineWidthMax = 110;

/** The code of any error of ours, or of the system; 'UNEXPECTED' for others. */
export function codeOfError(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : 'UNEXPECTED';
}

/** An error as lines: the first sentence behind the code, the rest below it. A stack only for what nobody foresaw. */
export function errorLines(error: unknown, terminal: Terminal): string[] {
  const code = codeOfError(error);
  const name = error instanceof Error ? error.name : 'Error';
  // Some packages write the code into the message; it is said once.
  const message = (error instanceof Error ? error.message : String(error)).replace(`[${code}] `, '');
  const [paragraph = '', ...below] = message.split('\n');
  const sentenceEnd = paragraph.search(/(?<=[.?!]) (?=[A-Z`"'])/);
  const first = sentenceEnd < 0 ? paragraph : paragraph.slice(0, sentenceEnd);
  const rest = sentenceEnd < 0 ? '' : paragraph.slice(sentenceEnd + 1);
  const lines = [`${terminal.paintError(['red', 'bold'], `${name} [${code}]:`)} ${first}`, ...wrapped(rest)];
  lines.push(...below.map((line) => terminal.paintError('dim', `  ${line}`)));
  if (code === 'UNEXPECTED' && error instanceof Error && error.stack !== undefined) {
    const frames = error.stack.split('\n').filter((line) => line.startsWith('    at '));
    lines.push(...frames.map((line) => terminal.paintError('dim', line)));
  }
  return lines;
}

/** An error as data: `{ error: { code, message, … } }`. */
export function errorData(error: unknown): { readonly error: Readonly<Record<string, unknown>> } {
  const code = codeOfError(error);
  const message = (error instanceof Error ? error.message : String(error)).replace(`[${code}] `, '');
  const data = (error as { data?: unknown } | null | undefined)?.data;
  const hasData = typeof data === 'object' && data !== null && Object.keys(data).length > 0;
  return { error: { code, message, ...(hasData ? { data } : {}) } };
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
