// How things look on a terminal, in a log, and to a program.
export { codeFrame } from './code-frame.ts';
export { codeOfError, errorData, errorLines, writeError } from './error-text.ts';
export { openProgress, type Progress, type ProgressState } from './progress.ts';
export { type TableOptions, tableLines } from './table.ts';
export { openTerminal, type Terminal, type TerminalOptions, type TextStream } from './terminal.ts';
export { type BannerFacts, clockTime, eventLines, writeBanner, writeEvent } from './timeline.ts';
