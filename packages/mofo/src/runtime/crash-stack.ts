// The stack that a process wrote before it died: what Node.js prints of an uncaught error, or of a fatal one of its own.

/** Frames that are kept. */
const FRAMES_MAX = 12;

/** The last stack in the end of a process's standard error; undefined if there is none. */
export function stackIn(stderrTail: string): string | undefined {
  const lines = stderrTail.split('\n');
  const last = lines.findLastIndex((line) => isFrame(line));
  if (last < 0) return undefined;
  let first = last;
  while (first > 0 && isFrame(lines[first - 1] as string)) first--;
  const head = lines[first - 1];
  const frames = lines.slice(first, Math.min(last + 1, first + FRAMES_MAX));
  return [...(head === undefined || head === '' ? [] : [head]), ...frames].join('\n');
}

function isFrame(line: string): boolean {
  return /^\s+at \S/.test(line);
}
