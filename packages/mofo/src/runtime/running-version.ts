// One loaded version of one module: its definition, its data, its context, and how many calls of it are under way.

import type { ModuleContext, ModuleDefinition, RunningVersion as VersionName } from '../define/index.ts';

/** A context whose types only the module itself knows. */
export type AnyContext = ModuleContext<never, never, never, never>;

/** A version that is loaded in this process. It stays until nobody calls it any more. */
export class RunningVersion {
  readonly name: VersionName;
  readonly definition: ModuleDefinition;
  /** Name of its script, which no other load has. */
  readonly scriptName: string;
  /** Aborted when the version is dropped. */
  readonly dropped: AbortController = new AbortController();
  /** Set once by whoever builds it, before anything is called. */
  context: AnyContext | undefined;
  private calls = 0;
  private requests = 0;
  private faults = 0;
  private whenIdle: (() => void) | undefined;
  /** When another version took its place, ms since 1970; undefined while it runs. */
  replacedAt: number | undefined;

  constructor(name: VersionName, definition: ModuleDefinition, scriptName: string) {
    this.name = name;
    this.definition = definition;
    this.scriptName = scriptName;
  }

  /** `fees@a1f3d2`. */
  get title(): string {
    return `${this.name.module}@${this.name.id}`;
  }

  /** Calls under way. */
  get callCount(): number {
    return this.calls;
  }

  /** A request has been answered, or its handler threw. */
  countRequest(isFault: boolean): void {
    this.requests++;
    if (isFault) this.faults++;
  }

  /** Share of the requests so far of which the handler threw. */
  get faultRate(): number {
    return this.requests === 0 ? 0 : this.faults / this.requests;
  }

  /** A call begins. */
  enter(): void {
    this.calls++;
  }

  /** A call has ended. */
  exit(): void {
    this.calls--;
    if (this.calls === 0) this.whenIdle?.();
  }

  /** Resolves when no call is under way. */
  drained(): Promise<void> {
    if (this.calls === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenIdle = resolve;
    });
  }
}
