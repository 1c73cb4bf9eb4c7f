// Durable tasks in shared memory: now, delayed, at intervals and by cron, resumed at the next task after a crash.

export { ATTEMPTS_MAX, PAYLOAD_LENGTH_MAX, PRIORITY_MAX, RETRIES_MAX, TASK_NAME_LENGTH_MAX } from './constants.ts';
export type { Clock, Handler, PayloadOf, TaskContext, TaskDefinition, TaskDefinitions } from './definition.ts';
export { type Duration, parseDurationMs } from './duration.ts';
export type { EnqueueOptions } from './enqueue-options.ts';
export type { Around, RunningTask } from './executor.ts';
export type { SchedulerStatus } from './listing.ts';
export { type OpenSchedulerOptions, openScheduler, type SchedulerStore } from './open-scheduler.ts';
export type { RunOptions } from './run-loop.ts';
export type { DeadLetters, RecoverOptions, RunNextResult, Scheduler } from './scheduler.ts';
export { SchedulerError, type SchedulerErrorCode } from './scheduler-error.ts';
export type { ScheduleInfo, ScheduleOptions } from './schedules.ts';
export type { DeadReason, TaskState } from './storage.ts';
export type { TaskInfo } from './task-info.ts';
export type { Outcome } from './task-table.ts';
export { defaultVerdict, type Interruption, type Verdict } from './verdict.ts';
export { isWorkerAlive, type Worker } from './worker.ts';
