// A warm standby for any Node.js program: notices death or a hang and takes over within about a millisecond.

export type { CloneEvent } from './clone-keeper.ts';
export type { Death, DeathReason } from './death-record.ts';
export { createLabel, type Label } from './label.ts';
export { Quarantine, type QuarantinedVersion } from './quarantine.ts';
export { rehearseTakeover } from './rehearsal.ts';
export {
  type BudgetAnswer,
  type BudgetWindow,
  RestartBudget,
  type RestartBudgetOptions,
} from './restart-budget.ts';
export { RoleKeeper, type RoleKeeperOptions, type RoleNotice } from './role-keeper.ts';
export { RunningWord } from './running-word.ts';
export { readSlot, type SlotReport } from './slot-report.ts';
export type { SlotMemory } from './slot-words.ts';
export type { Takeover } from './succession.ts';
export { type Incident, judge, type Verdict } from './verdict.ts';
export {
  openWatchdog,
  type RehearsalFailed,
  type Run,
  type RunOptions,
  type Watchdog,
  type WatchdogEvent,
  type WatchdogOptions,
} from './watchdog.ts';
export { WatchdogError, type WatchdogErrorCode, type WatchdogErrorOptions } from './watchdog-error.ts';
