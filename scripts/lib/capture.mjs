// Running a command and keeping what it printed. The command gets a process group of its own, so that at its time limit
// everything it started ends with it.
import { spawn } from 'node:child_process';

const running = new Set();

/**
 * @param {string} command
 * @param {readonly string[]} commandArguments
 * @param {import('node:child_process').SpawnOptions & { limitMs?: number }} options
 * @returns {Promise<{ code: number, output: string, stdout: string }>} `output` has both streams as they came
 */
export function capture(command, commandArguments, { limitMs = 300_000, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandArguments, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    const timer = setTimeout(() => {
      output += `\n${command} ${commandArguments.join(' ')}: stopped after ${limitMs / 1000} s\n`;
      killGroup(child.pid);
    }, limitMs);
    running.add(child.pid);
    const settle = () => {
      clearTimeout(timer);
      running.delete(child.pid);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code, signal) => {
      settle();
      if (signal !== null) output += `\nended by ${signal}\n`;
      resolve({ code: code ?? 1, output, stdout });
    });
  });
}

/** Ends what is still running; for a process that is asked to stop. */
export function killCaptured() {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it ended by itself meanwhile
  }
}
