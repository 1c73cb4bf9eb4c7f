// Reads `mofo.config.*`. A config is code, so it is bundled here and evaluated in a process of its own with a time limit: the
// launcher, which must never die of what users write, sees only the JSON that comes back.

import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { MofoError } from '../errors.ts';
import { buildModule } from '../modules/build-module.ts';
import type { Config } from './config.ts';
import { evaluationTimeoutMs } from './defaults.ts';
import { type Evaluation, evaluationProgram } from './evaluation-program.ts';
import { validateConfig } from './validate-config.ts';

/** Names of config files, in the order in which they are looked for. */
export const configFileNames: readonly string[] = [
  'mofo.config.ts',
  'mofo.config.mts',
  'mofo.config.js',
  'mofo.config.mjs',
  'mofo.config.cjs',
  'mofo.config.json',
];

/** Bytes of JSON that a config may come to; beyond it something else was exported. */
const configBytesMax = 2 ** 20;

/** Where to look, and how long to wait. */
export interface LoadConfigOptions {
  /** Directory in which the config is looked for. */
  readonly directory: string;
  /** The config file itself, relative to `directory`; default: the first of {@link configFileNames} that exists. */
  readonly file?: string;
  /** How long its evaluation may take, in milliseconds; default 10 s. */
  readonly timeoutMs?: number;
}

/** A config and where it came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The config file, absolute. */
  readonly file: string;
  /** Its directory: the app's. */
  readonly appDirectory: string;
}

/**
 * Finds, evaluates and checks the config of an app. Async; about 50 ms.
 *
 * @throws MofoError CONFIG_NOT_FOUND, CONFIG_BUILD_FAILED, CONFIG_EVALUATION_FAILED, CONFIG_TIMEOUT, CONFIG_UNKNOWN_KEY,
 *   CONFIG_INVALID, NOT_YET. Nothing is left behind in any case.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig> {
  const file = await findConfig(resolve(options.directory), options.file);
  const appDirectory = dirname(file);
  const input = file.endsWith('.json')
    ? await readJson(file)
    : await evaluate(file, options.timeoutMs ?? evaluationTimeoutMs);
  return { config: validateConfig(input, appDirectory, basename(file)), file, appDirectory };
}

/** The config file of a directory, absolute; undefined if there is none. */
export async function findConfigFile(directory: string): Promise<string | undefined> {
  for (const name of configFileNames) if (await isThere(resolve(directory, name))) return resolve(directory, name);
  return undefined;
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function findConfig(directory: string, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined) {
    const file = resolve(directory, wanted);
    if (await isThere(file)) return file;
    const message = `there is no ${wanted} in ${directory}. Nothing was started. Correct --config, or leave it out to take mofo.config.ts.`;
    throw new MofoError('CONFIG_NOT_FOUND', message, { data: { directory } });
  }
  const found = await findConfigFile(directory);
  if (found !== undefined) return found;
  throw new MofoError(
    'CONFIG_NOT_FOUND',
    `there is no mofo.config.ts (or .js, .mjs, .json) in ${directory}. Nothing was started. ` +
      'Go to the directory of your app, or begin one with: npx mofo init',
    { data: { directory } },
  );
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const message = `${file} is no JSON: ${(error as Error).message}. Nothing was started.`;
    throw new MofoError('CONFIG_BUILD_FAILED', message, { cause: error });
  }
}

async function evaluate(file: string, timeoutMs: number): Promise<unknown> {
  const evaluation = await runProgram(file, await bundleConfig(file), timeoutMs);
  if (evaluation.problem === undefined) return evaluation.value;
  throw new MofoError(
    'CONFIG_EVALUATION_FAILED',
    `${basename(file)} could not be evaluated: ${evaluation.problem}. Nothing was started.`,
    { data: { file, problem: evaluation.problem } },
  );
}

async function bundleConfig(file: string): Promise<Buffer> {
  try {
    return (await buildModule({ directory: dirname(file), source: basename(file) })).bundle;
  } catch (error) {
    if (!(error instanceof MofoError)) throw error;
    const advice =
      error.code === 'EXPORTS_INVALID'
        ? `${basename(file)} has no default export. Write: export default defineConfig({ name: '…' }).`
        : error.message.replace(
            'was not built, what ran before goes on. Correct it and save.',
            'was not built. Nothing was started. Correct it and start again.',
          );
    throw new MofoError('CONFIG_BUILD_FAILED', advice, { cause: error, data: error.data });
  }
}

function runProgram(file: string, bundle: Buffer, timeoutMs: number): Promise<Evaluation> {
  return new Promise((settle, fail) => {
    // No NODE_OPTIONS of ours: --inspect and --require of the launcher are not meant for this child.
    const { NODE_OPTIONS: _, ...environment } = process.env;
    const child = spawn(process.execPath, ['--input-type=commonjs', '-e', evaluationProgram, file], {
      cwd: dirname(file),
      env: environment,
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    const answer: Buffer[] = [];
    const complaints: Buffer[] = [];
    let answerBytes = 0;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdio[3]!.on('data', (chunk: Buffer) => {
      answerBytes += chunk.byteLength;
      if (answerBytes <= configBytesMax) answer.push(chunk);
      else child.kill('SIGKILL');
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      if (complaints.length < 64) complaints.push(chunk);
    });
    // A child that dies before it has read its input closes the pipe; its exit says why.
    child.stdin!.on('error', () => {});
    child.stdin!.end(bundle);
    child.on('error', (error) => {
      clearTimeout(timer);
      fail(
        new MofoError(
          'CONFIG_EVALUATION_FAILED',
          `no process could be started to evaluate ${basename(file)}: ${error.message}.`,
          { cause: error },
        ),
      );
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (isLate) {
        const message = `${basename(file)} did not come to its end within ${timeoutMs} ms and was stopped. Nothing was started. Does it wait or loop?`;
        fail(new MofoError('CONFIG_TIMEOUT', message, { data: { file, timeoutMs } }));
      } else if (answerBytes > configBytesMax) {
        settle({ problem: `it exports more than ${configBytesMax} bytes` });
      } else if (answer.length === 0) {
        const lastWords = Buffer.concat(complaints).toString('utf8').trim().slice(-500);
        settle({
          problem: `its process ended (${signal ?? `exit code ${code}`})${lastWords === '' ? '' : `: ${lastWords}`}`,
        });
      } else {
        settle(JSON.parse(Buffer.concat(answer).toString('utf8')) as Evaluation);
      }
    });
  });
}
