// Checks of what callers pass in: one wording for all of them.

import { KEY_LENGTH_MAX, PAYLOAD_LENGTH_MAX, TASK_NAME_LENGTH_MAX } from './constants.ts';
import { SchedulerError } from './scheduler-error.ts';

/** Throws UNKNOWN_OPTION for an option that `what` does not have, INVALID_OPTION if the options are no object. */
export function requireOptions(what: string, options: unknown, names: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(what, `takes an object of options, not ${String(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (names.has(name)) continue;
    const known = [...names].join(', ');
    throw new SchedulerError(
      'UNKNOWN_OPTION',
      `${what} has no option "${name}". Nothing was changed. It has ${known}.`,
    );
  }
}

/** Throws INVALID_NAME unless `name` can be the name of a task. */
export function requireTaskName(name: unknown): asserts name is string {
  if (isKey(name, TASK_NAME_LENGTH_MAX)) return;
  throw new SchedulerError(
    'INVALID_NAME',
    `${JSON.stringify(name)} cannot name a task. Nothing was changed. ` +
      `Use 1 to ${TASK_NAME_LENGTH_MAX} characters of well-formed text without control characters.`,
  );
}

/** Throws INVALID_OPTION unless `key` can be a dedupe, concurrency or schedule key. */
export function requireKey(option: string, key: unknown): asserts key is string {
  if (isKey(key, KEY_LENGTH_MAX)) return;
  throw invalidOption(
    option,
    `must be 1 to ${KEY_LENGTH_MAX} characters of well-formed text without control characters, not ${JSON.stringify(key)}`,
  );
}

/** Throws INVALID_OPTION unless `value` is a whole number of the range. */
export function requireInteger(
  option: string,
  value: unknown,
  minimum: number,
  maximum: number,
): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum) return;
  throw invalidOption(option, `must be a whole number from ${minimum} to ${maximum}, not ${String(value)}`);
}

/** Milliseconds since 1970 of a Date, number or ISO 8601 text. Throws INVALID_OPTION. */
export function timeOption(option: string, value: unknown): number {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : value;
  if (typeof time === 'number' && Number.isFinite(time) && Math.abs(time) <= 8.64e15) return time;
  throw invalidOption(option, `must be a Date, milliseconds since 1970 or an ISO 8601 text, not ${String(value)}`);
}

/** The JSON text of a payload; '' is `undefined`. Throws INVALID_PAYLOAD, PAYLOAD_TOO_LARGE. */
export function encodePayload(task: string, payload: unknown): string {
  if (payload === undefined) return '';
  let encoded: string | undefined;
  try {
    encoded = JSON.stringify(payload);
  } catch (cause) {
    throw new SchedulerError('INVALID_PAYLOAD', `${invalidPayload(task)} (${String(cause)})`, { cause });
  }
  if (encoded === undefined) throw new SchedulerError('INVALID_PAYLOAD', invalidPayload(task));
  if (encoded.length <= PAYLOAD_LENGTH_MAX) return encoded;
  throw new SchedulerError(
    'PAYLOAD_TOO_LARGE',
    `the payload of task "${task}" has ${encoded.length} characters as JSON; ${PAYLOAD_LENGTH_MAX} are allowed. ` +
      'Nothing was enqueued. Put the data into the store and enqueue its key.',
  );
}

/** An error about one option. */
export function invalidOption(option: string, problem: string): SchedulerError {
  return new SchedulerError('INVALID_OPTION', `${option} ${problem}. Nothing was changed. Correct it and try again.`);
}

function invalidPayload(task: string): string {
  return `the payload of task "${task}" is nothing that JSON can say. Nothing was enqueued. Pass plain data`;
}

function isKey(key: unknown, lengthMax: number): key is string {
  if (typeof key !== 'string' || key.length === 0 || key.length > lengthMax) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused here
  return !/[\u0000-\u001f\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(key);
}
