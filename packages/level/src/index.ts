// abstract-level on shared memory: the Level ecosystem in several processes at once.

export { SNAPSHOT_COUNT_MAX } from './constants.ts';
export { MofoLevelError, type MofoLevelErrorCode } from './level-error.ts';
export type { DestroyOptions } from './location.ts';
export { MofoLevel, type MofoLevelOptions } from './mofo-level.ts';
