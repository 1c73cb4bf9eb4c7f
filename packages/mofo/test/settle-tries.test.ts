// Which deaths clear a version on probation, row by row; what nobody can clear it of costs its try.

import { describe, expect, it } from 'vitest';
import { isCleared, type JudgedEnd, type ProcessEnd } from '../src/runtime/settle-tries.ts';

const tried = { module: 'fees', hash: 'a1f3d2'.padEnd(64, '0') };
const other = 'b'.repeat(64);
const own = { module: 'fees', id: 'a1f3d2', what: 'task collect' };
const others = { module: 'accounts', id: 'bbbbbb', what: 'task interest' };

const byCode = (exitCode: number): ProcessEnd => ({ exitCode, signal: null, isHung: false });
const bySignal = (signal: NodeJS.Signals, isHung = false): ProcessEnd => ({ exitCode: null, signal, isHung });

function judged(parts: Partial<JudgedEnd>): JudgedEnd {
  return { reason: 'crash', named: undefined, guilty: undefined, end: byCode(1), ...parts };
}

const cleared: readonly [string, Partial<JudgedEnd>][] = [
  ['a kill from outside while nothing ran', { end: bySignal('SIGKILL') }],
  ['a kill from outside while another ran', { end: bySignal('SIGKILL'), named: others }],
  ['a kill from outside at the moment of a takeover', { reason: 'exit', end: bySignal('SIGKILL') }],
  ['a kill for which another was found guilty', { end: bySignal('SIGSEGV'), named: others, guilty: other }],
  ['an exit in a run of another', { end: byCode(3), named: others }],
  ['a hang in a run of another', { reason: 'hang', end: bySignal('SIGKILL'), named: others }],
];
const notCleared: readonly [string, Partial<JudgedEnd>][] = [
  ['a kill from outside in a run of its own', { end: bySignal('SIGKILL'), named: own }],
  ['its own guilt', { end: bySignal('SIGKILL'), guilty: tried.hash }],
  ['a segmentation fault while nothing ran', { end: bySignal('SIGSEGV') }],
  ['a segmentation fault in a run of another that is stable', { end: bySignal('SIGSEGV'), named: others }],
  ['an abort, such as an exhausted heap', { end: bySignal('SIGABRT'), named: others }],
  ['an exit while nothing ran', { end: byCode(5) }],
  ['a hang while nothing ran', { reason: 'hang', end: bySignal('SIGKILL') }],
  ['a process that did not answer and was killed for it', { end: bySignal('SIGKILL', true) }],
];

describe('a version on probation', () => {
  it.each(cleared)('is cleared of %s', (_name, parts) => expect(isCleared(tried, judged(parts))).toBe(true));
  it.each(notCleared)('is not cleared of %s', (_name, parts) => expect(isCleared(tried, judged(parts))).toBe(false));
});
