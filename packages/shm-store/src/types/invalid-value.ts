// Refusals of values that do not fit their type: each names the place, as in `Account.balance: expected a number, got "x"`.

import { ShmStoreError } from '../errors.ts';

const SHOWN_LENGTH_MAX = 60;

/** The error for a value that is not what its type takes. Whoever knows the place adds it with {@link atPath}. */
export function invalidValue(expected: string, value: unknown): ShmStoreError {
  return refusal('', `expected ${expected}, got ${show(value)}`);
}

/** `error` with `name` put in front of its path, if it is about a value; otherwise `error` itself. */
export function atPath(name: string, error: unknown): unknown {
  if (!(error instanceof ShmStoreError) || error.code !== 'INVALID_VALUE' || typeof error.data.problem !== 'string')
    return error;
  const inner = String(error.data.path ?? '');
  return refusal(inner === '' ? name : `${name}.${inner}`, error.data.problem);
}

function refusal(path: string, problem: string): ShmStoreError {
  const place = path === '' ? '' : `${path}: `;
  return new ShmStoreError(
    'INVALID_VALUE',
    `${place}${problem}. Nothing was written there. Pass a value of that type.`,
    {
      data: { path, problem },
    },
  );
}

function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > SHOWN_LENGTH_MAX ? `${value.slice(0, SHOWN_LENGTH_MAX)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name ?? 'no prototype'})`;
  return Object.is(value, -0) ? '-0' : String(value);
}
