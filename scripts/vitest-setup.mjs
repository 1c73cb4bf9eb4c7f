// Before the tests: what tests and their child programs load by the names of packages is what the sources say now.
import { capture } from './lib/capture.mjs';
import { root } from './lib/workspace.mjs';

/** Each project of the configuration sets up; the first one does it for all. */
const once = Symbol.for('mofo.vitest-setup');

export function setup() {
  globalThis[once] ??= compile();
  return globalThis[once];
}

async function compile() {
  const { code, output } = await capture('pnpm', ['run', 'compile'], { cwd: root });
  if (code !== 0) throw new Error(`the packages do not compile:\n${output}`);
}
