// The table of transitions, typed a second time by hand: every pair of state and event is either here or refused.

import { describe, expect, test } from 'vitest';
import { nextState, versionEvents, versionStates } from '../src/state-machine.ts';

const never = { wasStable: false, wasUnstable: false, hasTries: true };
const wasStable = { wasStable: true, wasUnstable: false, hasTries: true };
const wasUnstable = { wasStable: false, wasUnstable: true, hasTries: true };

const legal = new Map(
  Object.entries({
    'staged check': 'checked',
    'checked check': 'checked',
    'checked try': 'checked',
    'probation try': 'probation',
    'checked return': 'checked',
    'probation return': 'probation',
    'checked begin': 'probation',
    'probation begin': 'probation',
    'superseded begin': 'probation',
    'draining begin': 'probation',
    'probation promote': 'stable',
    'stable promote': 'stable',
    'staged supersede': 'superseded',
    'checked supersede': 'superseded',
    'probation supersede': 'superseded',
    'stable supersede': 'superseded',
    'superseded supersede': 'superseded',
    'superseded drain': 'draining',
    'draining drain': 'draining',
    'staged quarantine': 'unstable',
    'checked quarantine': 'unstable',
    'probation quarantine': 'unstable',
    'stable quarantine': 'unstable',
    'unstable quarantine': 'unstable',
    'superseded quarantine': 'unstable',
    'draining quarantine': 'unstable',
    'purged quarantine': 'purged',
    'unstable retry': 'probation',
    'draining purge': 'purged',
    'unstable purge': 'purged',
    'purged purge': 'purged',
    'purged rebuild': 'staged',
  }),
);

describe('the table of transitions', () => {
  for (const state of versionStates) {
    for (const event of versionEvents) {
      const target = legal.get(`${state} ${event}`);
      test(`${state} by ${event} ${target === undefined ? 'is refused' : `leads to ${target}`}`, () => {
        expect(nextState(state, event, never)).toBe(target);
      });
    }
  }

  test('a superseded or draining version is stable again by a revert only if it was stable before', () => {
    expect(nextState('superseded', 'promote', wasStable)).toBe('stable');
    expect(nextState('draining', 'promote', wasStable)).toBe('stable');
    expect(nextState('superseded', 'promote', wasUnstable)).toBeUndefined();
  });

  test('a purged version that was unstable is unstable when it is built again', () => {
    expect(nextState('purged', 'rebuild', wasUnstable)).toBe('unstable');
  });

  test('what has no try left is tried again by a retry', () => {
    expect(nextState('probation', 'retry', { ...never, hasTries: false })).toBe('probation');
    expect(nextState('checked', 'retry', { ...never, hasTries: false })).toBe('probation');
    expect(nextState('stable', 'retry', { ...never, hasTries: false })).toBeUndefined();
  });

  test('unstable is left by retry and purge alone', () => {
    const ways = versionEvents.filter(
      (event) => ![undefined, 'unstable'].includes(nextState('unstable', event, wasStable)),
    );
    expect(ways).toEqual(['retry', 'purge']);
  });
});
