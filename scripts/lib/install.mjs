// Brings the pinned pnpm onto the PATH and installs exactly what the lockfile says. npx only tells where it keeps pnpm;
// nothing runs below it, so that a signal meets as few processes as possible on its way to the program.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runToEnd } from './run.mjs';
import { root } from './workspace.mjs';

/** @returns {NodeJS.ProcessEnv} this process's environment with the pinned pnpm first on the PATH */
export function environmentWithPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const print = ['-y', `--package=${packageManager}`, '--', 'node', '-p', 'process.env.PATH'];
  const { status, stdout, error } = spawnSync('npx', print, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0)
    throw new Error(`npx could not bring ${packageManager}; is the npm registry reachable?`, { cause: error });
  const settings = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
  return { ...process.env, ...settings, PATH: stdout.trim().split('\n').at(-1) };
}

/** Installs; what it prints goes to standard error, so that `--json` output stays clean. Gives the exit code. */
export async function install(env) {
  reserveCommandFile(join(root, 'packages/mofo/bundle/main.js'));
  const options = { cwd: root, env, stdio: ['ignore', process.stderr, process.stderr] };
  return await runToEnd('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only'], options);
}

/** pnpm links a package's commands while installing and skips those that are not built yet; so the file is there first. */
function reserveCommandFile(path) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/usr/bin/env node\nthrow new Error('mofo is not built yet; run: pnpm build');\n");
}
