// Looks at the tarballs as they would be published: publint (fields and files), arethetypeswrong (types for ESM importers), and
// what must or must not be inside.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { problemAffectsResolutionKind } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { capture } from './lib/capture.mjs';
import { packPackages } from './lib/pack-packages.mjs';

const mustNotBeInside = [
  /\.test\.[cm]?[jt]s$/,
  /^test\//,
  /^native\/(build|test)\//,
  /tsbuildinfo$/,
  /^node_modules\//,
  /^dist\/.*(?<!\.d\.ts)$/,
];

const folder = mkdtempSync(join(tmpdir(), 'mofo-package-check-'));
try {
  const packed = await packPackages(folder);
  for (const entry of packed) await look(...entry);
  console.log(`${packed.size} packages checked`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function look(name, entry) {
  const problems = [...(await runPublint(entry)), ...(await checkTypes(entry)), ...(await checkContents(name, entry))];
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

async function runPublint({ tarball }) {
  const file = readFileSync(tarball);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: bytes }, strict: true });
  return messages.filter(({ type }) => type !== 'suggestion').map((message) => formatMessage(message, pkg));
}

/** Importers that are ES modules, and bundlers: the packages are for nobody else. */
async function checkTypes({ tarball }) {
  // A schema has no types.
  const options = { excludeEntrypoints: ['./mofo.xsd'] };
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)), options);
  if (analysis.types === false) return ['it has no types'];
  return analysis.problems
    .filter((problem) =>
      ['node16-esm', 'bundler'].some((kind) => problemAffectsResolutionKind(problem, kind, analysis)),
    )
    .map((problem) => `types: ${JSON.stringify(problem)}`);
}

async function checkContents(name, { tarball }) {
  const { code, output, stdout } = await capture('tar', ['-tzf', tarball]);
  if (code !== 0) return [output];
  const files = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace('package/', ''));
  const problems = ['LICENSE', 'README.md', 'bundle/index.js', 'dist/index.d.ts']
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
