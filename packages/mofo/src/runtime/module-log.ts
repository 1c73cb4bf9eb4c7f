// A module's log: lines of JSON on the process's stdout, written at once, so that a kill loses none of them. The launcher shows them.

import { pino } from 'pino';
import type { ModuleLog } from '../define/index.ts';

const base = pino({ base: { pid: process.pid } }, pino.destination({ fd: 1, sync: true }));

/** The log of one version; each line names it. */
export function moduleLog(version: string): ModuleLog {
  return base.child({ version }) as unknown as ModuleLog;
}
