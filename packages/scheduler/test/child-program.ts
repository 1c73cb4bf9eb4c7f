// Starts a child program of the tests, reads what it announces, and makes sure that it does not outlive the test.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A running program and what it has announced so far. */
export class ChildProgram {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  output = '';
  errors = '';
  #look: () => void = () => {};

  constructor(program: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
    this.process = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.process, 'close');
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
      this.#look();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    onTestFinished(() => this.kill());
  }

  /** Resolves when what was announced satisfies `condition`; rejects if the program ends before. */
  until(condition: (output: string) => boolean): Promise<string> {
    const announced = new Promise<string>((resolve) => {
      this.#look = () => {
        if (condition(this.output)) resolve(this.output);
      };
      this.#look();
    });
    const ended = this.exited.then(() => {
      if (condition(this.output)) return this.output;
      throw new Error(`the program ended after "${this.output}": ${this.errors}`);
    });
    return Promise.race([announced, ended]);
  }

  /** Kills the program with SIGKILL and resolves when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}
