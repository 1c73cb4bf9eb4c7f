// What launcher and children say to each other over the IPC channel. Plain data only.

import type { ConnectionCounters } from '@mofo/shm-store';
import type { Config } from '../config/config.ts';

/** A version, as processes name it to each other. */
export interface VersionName {
  readonly module: string;
  readonly hash: string;
  /** Short id. */
  readonly id: string;
}

/** What happened, for the timeline; `kind` decides the colour, `message` is for people, `data` for programs. */
export interface RuntimeEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind:
    | 'start'
    | 'update'
    | 'stable'
    | 'unstable'
    | 'takeover'
    | 'crash'
    | 'snapshot'
    | 'restore'
    | 'task'
    | 'clone'
    | 'stop'
    | 'warning';
  readonly module?: string;
  /** Short id of the version. */
  readonly version?: string;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What a clone reports when it has become main. */
export interface TakeoverReport {
  /** `crash`, `hang`, `released`, or `start` when there was nobody to take over from. */
  readonly reason: string;
  readonly deadPid: number;
  /** What the dead process was running, as its slot says; empty if nothing. */
  readonly label: string;
  /** `label` is exactly what was on the stack; false: one of several asynchronous runs. */
  readonly isExact: boolean;
  readonly module?: string;
  readonly version?: string;
  /** Hash of the version that was quarantined for it. */
  readonly guilty?: string;
  /** Versions on probation that the clone had loaded and that go on. */
  readonly inherited: readonly VersionName[];
  /** From death seen to role, recovery, blame and quarantine done, in ms. */
  readonly latencyMs: number;
  /** From death to accepting requests and running tasks again, in ms. */
  readonly servingMs: number;
  /** What became of the dead process's connections. */
  readonly connections?: ConnectionCounters;
}

/** Launcher to child. */
export type ToChild =
  | {
      readonly type: 'start';
      readonly config: Config;
      readonly appDirectory: string;
      readonly listenFd: number;
      /** Where connections come from; absent: from the listening socket. */
      readonly connections?: { readonly channelFd: number; readonly tableFd: number };
      readonly mode: 'dev' | 'run';
      /** Whose tries those are that it spends. */
      readonly holder: string;
      /** What main runs. */
      readonly running: readonly VersionName[];
    }
  | { readonly type: 'update'; readonly module: string; readonly hash: string; readonly savedAt?: number }
  | { readonly type: 'follow'; readonly module: string; readonly hash: string }
  | {
      readonly type: 'request';
      readonly id: number;
      readonly what: 'status' | 'snapshot' | 'promote' | 'revert' | 'migrate' | 'reload';
      readonly module?: string;
      readonly version?: string;
    }
  /** A stable version has crashed too often: another one is to run, in main and in the clone. */
  | { readonly type: 'condemned'; readonly module: string; readonly hash: string; readonly reason: string }
  | { readonly type: 'ping' }
  | { readonly type: 'stop' };

/** Child to launcher. */
export type FromChild =
  | { readonly type: 'pong' }
  | { readonly type: 'ready'; readonly role: 'main' | 'clone' }
  | { readonly type: 'became-main'; readonly report: TakeoverReport }
  | { readonly type: 'event'; readonly event: RuntimeEvent }
  /** What runs in this process now, after each change. */
  | { readonly type: 'running'; readonly versions: readonly VersionName[] }
  | { readonly type: 'stable'; readonly module: string; readonly hash: string }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly value?: unknown;
      readonly error?: ErrorAnswer;
    };

/** An error on its way to another process. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  /** What the error carries for programs, such as the list of problems. */
  readonly data?: Readonly<Record<string, unknown>>;
}
