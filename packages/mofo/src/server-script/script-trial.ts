// One process's version on probation: what it has served, and whether that is enough.

import { Probation, type ProbationRules } from '../runtime/probation.ts';
import type { ScriptProcess } from './script-process.ts';

/** Counts the requests of a process whose version is on probation. */
export class ScriptTrial {
  readonly process: ScriptProcess;
  private readonly probation: Probation;
  private counted = 0;

  constructor(process: ScriptProcess, rules: ProbationRules) {
    this.process = process;
    this.probation = new Probation(rules, performance.now());
  }

  /** Requests that it has answered well, if that is enough by now; to be asked when it has said what it served. */
  passedBy(): number | undefined {
    const { pong } = this.process;
    if (pong === undefined) return undefined;
    const good = pong.served - pong.failed;
    for (; this.counted < good; this.counted++) this.probation.succeeded();
    return this.probation.verdict(performance.now()) === 'passed' ? good : undefined;
  }
}
