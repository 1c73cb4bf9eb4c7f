// How things look on a terminal, in a log, and to a program.
export { codeFrame } from './code-frame.ts';
export { errorLines, writeError } from './error-text.ts';
export { openProgress } from './progress.ts';
export { tableLines } from './table.ts';
export { openTerminal, type Terminal, type TextStream } from './terminal.ts';
export { clockTime, eventLines, writeBanner, writeEvent } from './timeline.ts';
