// An error in few words: what people see in the timeline and in the history of a version.

import { relative } from 'node:path';
import { factsOf } from '../error-facts.ts';

/** Lines of a long message that are kept. */
const LINES_MAX = 20;

/** One line: code or class, the place in the app's sources, the first line of the message with its cause. */
export function describe(error: unknown): string {
  const { code, name, message } = factsOf(error);
  const [first] = message.split('\n');
  const cause = error instanceof Error ? error.cause : undefined;
  const because =
    cause instanceof Error && !message.includes(cause.message)
      ? ` (${cause.name}: ${cause.message.split('\n')[0]})`
      : '';
  const place = placeOf(error) ?? placeOf(cause);
  return `${code ?? name}${place === undefined ? '' : ` at ${place}`}: ${first}${because}`;
}

/** The same with all that the message says below its first line: a list of problems, a code frame. */
export function describeFully(error: unknown): string {
  const [, ...below] = factsOf(error).message.split('\n');
  return [describe(error), ...below.slice(0, LINES_MAX)].join('\n');
}

/** An error with those frames of its stack that are the app's: what to print of one that a handler threw. */
export function ownStack(error: unknown): string {
  const frames = framesOf(error).filter(({ place }) => place !== undefined);
  return [describeFully(error), ...frames.map(({ line }) => line)].join('\n');
}

/** `modules/fees.ts:12:5`: where in the app's own sources an error began. The processes of an app run in its folder. */
export function placeOf(error: unknown): string | undefined {
  return framesOf(error).find(({ place }) => place !== undefined)?.place;
}

function framesOf(error: unknown): { readonly line: string; readonly place: string | undefined }[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return [];
  const lines = error.stack.split('\n').filter((line) => /^\s+at /.test(line));
  return lines.map((line) => ({ line, place: ownPlace(line) }));
}

function ownPlace(line: string): string | undefined {
  const match = /(?:\(|at (?:async )?)(?:file:\/\/)?(\/[^()]+):(\d+):(\d+)\)?$/.exec(line);
  if (match === null) return undefined;
  const [, path = '', row, column] = match;
  const file = relative(process.cwd(), path);
  const isOwn = !file.startsWith('..') && !path.includes('/node_modules/');
  return isOwn ? `${file}:${row}:${column}` : undefined;
}
