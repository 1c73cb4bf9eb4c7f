// Everything that must hold, in one run: `npm test` here and in continuous integration. The steps run one after the
// other; one that fails prints its output and the others still run. The last line counts the vitest tests and one for
// every other step.
//
//   pnpm test:all [part of a step's name …]     runs only these steps
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { capture, killCaptured } from './lib/capture.mjs';
import { listSegments, removeLeftovers } from './lib/leftovers.mjs';
import { runVitest } from './lib/vitest-step.mjs';
import { readWorkspaces, root } from './lib/workspace.mjs';

const steps = [
  { name: 'build', run: () => pnpm('build') },
  { name: 'types', run: () => pnpm('types') },
  { name: 'lint', run: () => pnpm('lint') },
  { name: 'dependency rules', run: () => pnpm('deps') },
  { name: 'unused code', run: () => pnpm('knip') },
  { name: 'C++ tests', run: runNativeTests },
  { name: 'vitest', run: () => runVitest() },
  { name: 'package checks', run: () => pnpm('package-check') },
  { name: 'pack-test', run: () => pnpm('pack-test') },
  { name: 'examples', run: runExamples },
];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    killCaptured();
    process.exit(1);
  });
}

const wanted = process.argv.slice(2);
const total = { passed: 0, failed: 0 };
const before = listSegments();
for (const step of steps) {
  if (wanted.length === 0 || wanted.some((part) => step.name.includes(part))) await report(step);
}
await report({ name: 'leftovers', run: findLeftovers });

console.log('');
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

/** Runs one step and prints its line; `run` gives { output, passed, failed, note? }. */
async function report({ name, run }) {
  const startedAtMs = performance.now();
  const result = await run().catch((error) => ({ passed: 0, failed: 1, output: error.stack ?? String(error) }));
  const seconds = `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`.padStart(8);
  total.passed += result.passed;
  total.failed += result.failed;
  if (result.failed > 0) console.log(`\n${result.output.trimEnd()}\n`);
  console.log(`${result.failed > 0 ? 'FAILED' : 'ok    '} ${seconds}  ${name}${result.note ? `: ${result.note}` : ''}`);
}

async function pnpm(script, folder = '.') {
  const { code, output } = await capture('pnpm', ['run', script], { cwd: join(root, folder) });
  return { output, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

async function runNativeTests() {
  const [shmStore] = readWorkspaces(['packages/shm-store']);
  if (shmStore.manifest.scripts['test:native'] !== undefined) return await pnpm('test:native', shmStore.folder);
  return { output: 'packages/shm-store has no script test:native', passed: 0, failed: 1 };
}

/** Each example's own test; one that prints nothing has shown nothing. */
async function runExamples() {
  let output = '';
  for (const name of readdirSync(join(root, 'examples'))) {
    const result = await capture('pnpm', ['--silent', 'run', 'test'], { cwd: join(root, 'examples', name) });
    if (result.code !== 0) output += `examples/${name} ended with code ${result.code}:\n${result.output}\n`;
    else if (result.stdout.trim() === '') output += `examples/${name}: its test printed nothing\n`;
  }
  return { output, passed: output === '' ? 1 : 0, failed: output === '' ? 0 : 1 };
}

async function findLeftovers() {
  const leftovers = removeLeftovers(before);
  return { output: leftovers.join('\n'), passed: leftovers.length > 0 ? 0 : 1, failed: leftovers.length > 0 ? 1 : 0 };
}
