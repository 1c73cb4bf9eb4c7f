// What the process ends with. The one table; `mofo --help` and the README print it.

import { codeOfError } from '../output/error-text.ts';

/** Exit codes by meaning. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  config: 3,
  notRunning: 4,
  findings: 5,
} as const;

/** What each exit code says. */
export const exitCodeTexts: readonly (readonly [number, string])[] = [
  [exitCodes.done, 'done; also a stop that was asked for (SIGTERM, SIGINT)'],
  [exitCodes.failed, 'failed; the message says what and what to do'],
  [exitCodes.usage, 'wrong usage: unknown command or option, missing argument'],
  [exitCodes.config, 'the config is missing or wrong'],
  [
    exitCodes.notRunning,
    'the app is not running, or is running already where it must not (also its store: STORE_BUSY)',
  ],
  [exitCodes.findings, 'check or doctor found problems'],
];

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  const code = codeOfError(error);
  if (code === 'USAGE') return exitCodes.usage;
  if (code.startsWith('CONFIG_') || code === 'NOT_YET') return exitCodes.config;
  if (code === 'NOT_RUNNING' || code === 'NOT_READY' || code === 'ALREADY_RUNNING' || code === 'STORE_BUSY')
    return exitCodes.notRunning;
  return exitCodes.failed;
}
