// Starts a program whose processes tell by lines what they do.

import { type ChildProcess, spawn } from 'node:child_process';
import { LineEvents } from './line-events.ts';

/** A started program. */
export interface StartedProgram {
  readonly child: ChildProcess;
  readonly events: LineEvents;
}

/** Starts it with Node.js. What it writes to stderr goes to ours. */
export function startProgram(parameters: readonly string[], environment: NodeJS.ProcessEnv = {}): StartedProgram {
  const child = spawn(process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return { child, events: new LineEvents(child) };
}

/** Sends a signal and resolves when the program has ended. */
export async function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}
