// What the bundler complains about, as one coded error with the place and the lines around it.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { MofoError } from '../errors.ts';
import { codeFrame } from '../output/code-frame.ts';

/** One complaint of the bundler. */
export interface BuildProblem {
  /** The file, relative to the app's directory; undefined if the bundler names none. */
  readonly file: string | undefined;
  /** Line from 1; undefined if unknown. */
  readonly line: number | undefined;
  /** Column from 1; undefined if unknown. */
  readonly column: number | undefined;
  /** What is wrong, one line. */
  readonly reason: string;
  /** The lines around it with a caret; empty if unknown. */
  readonly frame: string;
}

/** `modules/accounts.ts:31:18 Expected ')' but found ';'`. */
export function problemLine(problem: BuildProblem): string {
  if (problem.file === undefined) return problem.reason;
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  return `${problem.file}${place} ${problem.reason}`;
}

/** Makes the coded error of a failed build; `data.problems` has every {@link BuildProblem}. */
export function buildFailed(error: unknown, source: string, directory: string): MofoError {
  const problems = problemsOf(error, directory);
  const first = problems[0] ?? { file: source, line: undefined, column: undefined, reason: String(error), frame: '' };
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const frame = first.frame === '' ? '' : `\n${first.frame}`;
  const message = `${problemLine(first)}${more}. ${source} was not built, what ran before goes on. Correct it and save.${frame}`;
  return new MofoError('BUILD_FAILED', message, { cause: error, data: { ...first, problems } });
}

interface BundlerError {
  readonly message?: unknown;
  readonly id?: unknown;
  readonly loc?: { readonly line?: unknown; readonly column?: unknown; readonly file?: unknown };
}

function problemsOf(error: unknown, directory: string): BuildProblem[] {
  const errors = (error as { errors?: unknown } | undefined)?.errors;
  const list: unknown[] = Array.isArray(errors) && errors.length > 0 ? errors : [error];
  return list.map((entry) => problemOf((entry ?? {}) as BundlerError, directory));
}

function problemOf(error: BundlerError, directory: string): BuildProblem {
  const message = String(error.message ?? error);
  const reason = message
    .split('\n')[0]!
    .replace(/^\[[A-Z_]+\] (Error: )?/, '')
    .trim()
    .replace(/\.$/, '');
  // Only some complaints carry a place as data; the others draw it: `╭─[ modules/fees.ts:3:8 ]`.
  const drawn = /╭─\[ (.+?):(\d+):(\d+) \]/.exec(message);
  const loc = error.loc;
  const path = typeof loc?.file === 'string' ? loc.file : typeof error.id === 'string' ? error.id : drawn?.[1];
  const line = typeof loc?.line === 'number' ? loc.line : drawn === null ? undefined : Number(drawn[2]);
  const column = typeof loc?.column === 'number' ? loc.column + 1 : drawn === null ? undefined : Number(drawn[3]);
  const file = path === undefined ? undefined : path.startsWith('/') ? relative(directory, path) : path;
  return { file, line, column, reason, frame: frameOf(file, line, column, directory) };
}

function frameOf(
  file: string | undefined,
  line: number | undefined,
  column: number | undefined,
  directory: string,
): string {
  if (file === undefined || line === undefined) return '';
  try {
    return codeFrame(readFileSync(`${directory}/${file}`, 'utf8'), line, column ?? 1);
  } catch {
    return ''; // The file is gone or unreadable by now: the complaint stands without its frame.
  }
}
