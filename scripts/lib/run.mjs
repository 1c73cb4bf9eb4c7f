// Running a command in the foreground as a shell would: its output goes where ours goes, signals reach it, and its way
// out becomes our exit code.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {readonly string[]} commandArguments
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>} the exit code; 128 + signal number when a signal ended it
 */
export async function runToEnd(command, commandArguments, options = {}) {
  const child = spawn(command, commandArguments, { stdio: 'inherit', ...options });
  const forward = (signal) => child.kill(signal);
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT'];
  // The terminal sends SIGINT to the whole group already; without a terminal it comes to us alone.
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
