// Where in the store something is, for people: `accounts/"alice"/manager`. Keys of trees that are text stand in quotes, fields and positions do not.

import { PATH_LENGTH_MAX } from './constants.ts';

/** One step of a path. */
export type PathStep = string | number;

/** A step for the key of a tree. */
export function keyStep(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (key instanceof Uint8Array) return `0x${Buffer.from(key).toString('hex')}`;
  if (Array.isArray(key)) return `[${key.map(keyStep).join()}]`;
  return String(key);
}

/** Joins steps; leaves the middle out when there are very many or long ones. */
export function joinPath(steps: readonly PathStep[]): string {
  const many = steps.length > 200 ? [...steps.slice(0, 100), '…', ...steps.slice(-99)] : steps;
  const path = many.join('/');
  if (path.length <= PATH_LENGTH_MAX) return path;
  const half = PATH_LENGTH_MAX / 2;
  return `${path.slice(0, half)}…${path.slice(1 - half)}`;
}
