// Looks at the tarballs as they would be published: publint (fields and files), attw (types for ESM importers), and what
// must or must not be inside.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { capture } from './lib/capture.mjs';
import { packPackages } from './lib/pack-packages.mjs';
import { root } from './lib/workspace.mjs';

const mustNotBeInside = [
  /\.test\.[cm]?[jt]s$/,
  /^test\//,
  /^native\/(build|test)\//,
  /tsbuildinfo$/,
  /^node_modules\//,
];

const folder = mkdtempSync(join(tmpdir(), 'mofo-package-check-'));
try {
  const packed = await packPackages(folder);
  // Each look is a process of its own that starts slowly; two go on at a time.
  const waiting = [...packed];
  const lookOn = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await look(...next);
  };
  await Promise.all([lookOn(), lookOn()]);
  console.log(`${packed.size} packages checked`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function look(name, entry) {
  const problems = [...(await runPublint(entry)), ...(await runAttw(entry)), ...(await checkContents(name, entry))];
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

async function runPublint({ tarball }) {
  const file = readFileSync(tarball);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: bytes }, strict: true });
  return messages.filter(({ type }) => type !== 'suggestion').map((message) => formatMessage(message, pkg));
}

async function runAttw({ tarball }) {
  const attw = ['exec', 'attw', '--profile', 'esm-only', '--format', 'ascii', '--no-emoji', '--no-color', tarball];
  // A schema has no types.
  attw.push('--exclude-entrypoints', './mofo.xsd');
  const { code, output } = await capture('pnpm', attw, { cwd: root });
  return code === 0 ? [] : [`attw found:\n${output}`];
}

async function checkContents(name, { tarball }) {
  const { code, output, stdout } = await capture('tar', ['-tzf', tarball]);
  if (code !== 0) return [output];
  const files = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace('package/', ''));
  const problems = ['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']
    .filter((path) => !files.includes(path))
    .map((path) => `${path} is missing from the tarball`);
  for (const path of files) {
    if (mustNotBeInside.some((pattern) => pattern.test(path))) problems.push(`${path} must not be published`);
  }
  if (name === '@mofo/shm-store' && !files.some((path) => /^prebuilds\/.*\.node$/.test(path))) {
    problems.push('no prebuilt addon in the tarball');
  }
  return problems;
}
