// Processes that were replaced and end what is under way: which connections each of them still has, and its end when it has none.

import type { ScriptOptions } from './script-options.ts';
import type { ScriptProcess } from './script-process.ts';

/** The processes that drain. */
export class ScriptDrains {
  private readonly options: ScriptOptions;
  private readonly connections = new Map<ScriptProcess, Set<number>>();

  constructor(options: ScriptOptions) {
    this.options = options;
  }

  /** True while the process ends what is under way in it. */
  has(process: ScriptProcess): boolean {
    return this.connections.has(process);
  }

  /** Numbers of the connections that nobody else may take. */
  get taken(): number[] {
    return [...this.connections.values()].flatMap((numbers) => [...numbers]);
  }

  /** Asks a process to hand over what is idle and end the rest. Resolves with whether it has answered; one that has not may hang, and has everything still. */
  async begin(process: ScriptProcess): Promise<boolean> {
    const drained = process.next('drained', this.options.drainWithinMs);
    const answer = process.next('draining', this.options.hangAfterMs);
    process.send({ type: 'drain' });
    const said = await answer;
    if (said === undefined) return false;
    this.connections.set(process, new Set(said.serving));
    void drained.then(() => this.end(process));
    return true;
  }

  /** These connections are free again. */
  handedOver(process: ScriptProcess, numbers: readonly number[]): void {
    const left = this.connections.get(process);
    for (const number of numbers) left?.delete(number);
  }

  /** The process has ended; gives what it had still. */
  ended(process: ScriptProcess): number[] {
    const left = this.connections.get(process);
    this.connections.delete(process);
    return [...(left ?? [])];
  }

  private async end(process: ScriptProcess): Promise<void> {
    process.send({ type: 'stop', signal: 'SIGTERM' });
    const kill = setTimeout(() => process.kill('SIGKILL'), this.options.stopWithinMs);
    await process.ended;
    clearTimeout(kill);
  }
}
