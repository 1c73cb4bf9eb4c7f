// Proves that each package works on its own: its tarball (with those of our packages it depends on) is installed by npm
// into an empty folder, imported, required, and the example of its README runs. The PATH there has Node and npm and
// nothing else, so shm-store must work from its prebuilt addon, without a compiler.
//
//   pnpm pack-test [package name …]
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { capture } from './lib/capture.mjs';
import { listSegments, removeLeftovers } from './lib/leftovers.mjs';
import { packPackages, withOwnDependencies } from './lib/pack-packages.mjs';
import { findExample } from './lib/readme-example.mjs';
import { root } from './lib/workspace.mjs';

const exampleLimitMs = 60_000;

const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'mofo-pack-test-'));
try {
  const packed = await packPackages(join(folder, 'tarballs'));
  const env = { ...process.env, PATH: makeBarePath(join(folder, 'bin')) };
  for (const name of wanted) {
    if (!packed.has(name)) throw new Error(`no package ${name}; there are ${[...packed.keys()].join(', ')}`);
  }
  for (const name of wanted.length > 0 ? wanted : packed.keys()) {
    const startedAtMs = performance.now();
    const problem = await tryPackage(name, packed, env);
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    console.log(problem === undefined ? `ok      ${name} (${seconds} s)` : `FAILED  ${name}: ${problem}`);
    if (problem !== undefined) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @returns {Promise<string | undefined>} what is wrong, or undefined */
async function tryPackage(name, packed, env) {
  const example = findExample(readFileSync(join(packed.get(name).folder, 'README.md'), 'utf8'));
  if (example === undefined) return 'its README has no ```js block under a line <!-- example -->';

  const cwd = join(folder, name.replace('/', '-'));
  mkdirSync(cwd);
  const tarballs = [...withOwnDependencies(name, packed)].map((own) => [own, `file:${packed.get(own).tarball}`]);
  const manifest = { private: true, type: 'module', dependencies: Object.fromEntries(tarballs) };
  writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest, null, 2));
  writeFileSync(join(cwd, 'example.mjs'), example);
  writeFileSync(join(cwd, 'import.mjs'), importProgram(name));
  writeFileSync(join(cwd, 'require.cjs'), `if (Object.keys(require('${name}')).length === 0) process.exit(1);\n`);

  const npm = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  for (const [command, ...rest] of [
    ['npm', ...npm],
    ['node', 'import.mjs'],
    ['node', 'require.cjs'],
  ]) {
    const { code, output } = await capture(command, rest, { cwd, env });
    if (code !== 0) return `${command} ${rest.join(' ')} failed:\n${output}`;
  }
  return (await runExample(cwd, env)) ?? (name === 'mofo' ? await tryStart(packed, env) : undefined);
}

/** The start that the README of the repository promises, line by line, in an empty folder. */
async function tryStart(packed, env) {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const block = /<!-- start -->\n```sh\n([\s\S]*?)```/.exec(readme)?.[1];
  if (block === undefined) return 'README.md has no ```sh block under a line <!-- start -->';
  const lines = block.split('\n').map((line) => line.replace(/\s+#.*$/, '').trim());
  const tarballs = [...withOwnDependencies('mofo', packed)].map((own) => packed.get(own).tarball).join(' ');
  const wanted = [
    'npm run tarballs',
    'mkdir ../my-app && cd ../my-app',
    'npm install ../mofo/tarballs/*.tgz',
    'npx mofo init',
    'npx mofo dev',
  ];
  if (lines.filter((line) => line !== '').join() !== wanted.join())
    return `README.md starts otherwise than is tried here: ${wanted.join('; ')}`;

  const cwd = join(folder, 'my-app');
  mkdirSync(cwd);
  // A name of its own: a store of somebody's app must not be met.
  for (const line of [
    `npm install --no-audit --no-fund --prefer-offline --loglevel=error ${tarballs}`,
    `npx mofo init --name start-${process.pid}`,
  ]) {
    const { code, output } = await capture('sh', ['-c', line], { cwd, env });
    if (code !== 0) return `${line} failed:\n${output}`;
  }
  const before = listSegments();
  writeFileSync(join(cwd, 'start.mjs'), startProgram());
  const { code, output } = await capture('node', ['start.mjs'], { cwd, env, limitMs: exampleLimitMs });
  const destroyed = await capture('npx', ['mofo', 'destroy', '--yes'], { cwd, env });
  const leftovers = removeLeftovers(before);
  if (code !== 0) return `npx mofo dev did not answer:\n${output}`;
  if (destroyed.code !== 0 || leftovers.length > 0)
    return `mofo destroy left something:\n${destroyed.output}${leftovers.join('\n')}`;
  return undefined;
}

/** Runs `mofo dev` on a free port until it answers, then stops it. */
function startProgram() {
  return `import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
const mofo = spawn('node_modules/.bin/mofo', ['dev', '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
let visits;
for await (const line of createInterface({ input: mofo.stdout })) {
  const event = JSON.parse(line);
  if (event.kind !== 'banner') continue;
  ({ visits } = await (await fetch(event.url)).json());
  mofo.kill();
}
if (visits !== 1) throw new Error('hello counted ' + visits);
`;
}

async function runExample(cwd, env) {
  const before = listSegments();
  const { code, output, stdout } = await capture('node', ['example.mjs'], { cwd, env, limitMs: exampleLimitMs });
  const leftovers = removeLeftovers(before);
  if (code !== 0) return `its README example ended with code ${code}:\n${output}`;
  if (stdout.trim() === '') return 'its README example printed nothing';
  if (leftovers.length > 0) return `its README example left something behind:\n${leftovers.join('\n')}`;
  return undefined;
}

function importProgram(name) {
  return `import * as all from '${name}';
if (Object.keys(all).length === 0) throw new Error('${name} exports nothing');
`;
}

/** A folder with links to node, npm and a shell: a PATH without compiler, make or python. */
function makeBarePath(bin) {
  mkdirSync(bin);
  for (const command of ['node', 'npm', 'npx', 'sh', 'env']) symlinkSync(findCommand(command), join(bin, command));
  return bin;
}

function findCommand(command) {
  if (command === 'node') return process.execPath;
  for (const path of (process.env.PATH ?? '').split(delimiter)) {
    try {
      return realpathSync(join(path, command));
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code)) throw error;
    }
  }
  throw new Error(`${command} is not on the PATH`);
}
