// The lines around a place in a source, with a caret under it. Plain text; colour is added where it is printed.

/** Lines shown before and after the one that is meant. */
const contextLines = 2;

/** Longest line shown; a minified source must not flood the terminal. */
const lineLengthMax = 160;

/**
 * A frame of up to five lines with a caret.
 *
 * @param source The whole text.
 * @param line Line, from 1.
 * @param column Column, from 1.
 * @returns Lines joined by newlines, or an empty text if there is no such line.
 */
export function codeFrame(source: string, line: number, column: number): string {
  const lines = source.split(/\r?\n/);
  if (!Number.isInteger(line) || line < 1 || line > lines.length) return '';
  const first = Math.max(1, line - contextLines);
  const last = Math.min(lines.length, line + contextLines);
  const width = String(last).length;
  const frame: string[] = [];
  for (let number = first; number <= last; number += 1) {
    const text = lines[number - 1]!.slice(0, lineLengthMax);
    frame.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`.trimEnd());
    if (number !== line) continue;
    const caretColumn = Math.max(1, Math.min(column, text.length + 1));
    // Tabs stay tabs, so that the caret stands under its character whatever width a tab has.
    const indent = text.slice(0, caretColumn - 1).replace(/[^\t]/g, ' ');
    frame.push(`  ${' '.repeat(width)} | ${indent}^`);
  }
  return frame.join('\n');
}
