// Everything that a module's author writes with.
export type {
  BaseContext,
  CallableExports,
  EnqueueOptions,
  ExportContext,
  ModuleContext,
  ModuleLog,
  OpenTaskQueue,
  RunningVersion,
  TaskContext,
  TaskQueue,
} from './context.ts';
export { defineModule, defineTask, isModuleDefinition } from './define-module.ts';
export type { Duration } from './duration.ts';
export type { StateField, StateOf, StateShape } from './fields.ts';
export type {
  ContextOf,
  ModuleDefinition,
  ModuleInput,
  NodeHandler,
  PathParams,
  TaskDefinition,
  WebHandler,
} from './module-definition.ts';
export { ModuleFailure } from './module-failure.ts';
export type { AnyModule } from './module-types.ts';
export type { TaskOptions } from './task-options.ts';
export { type Uses, uses } from './uses.ts';
export type { ModuleProblem } from './validate-module.ts';
