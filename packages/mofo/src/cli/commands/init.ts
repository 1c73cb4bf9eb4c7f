// `mofo init [directory]`: the smallest app that runs. In a directory that has something already nothing is overwritten: what is missing is added, line by line
// where that can be done, and what was left alone is said.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { findConfigFile } from '../../config/index.ts';
import { MofoError, systemCodeOf } from '../../errors.ts';
import type { Commands } from '../command-context.ts';
import { mofoVersion } from '../mofo-version.ts';

/** What became of one file. */
export interface WrittenFile {
  readonly file: string;
  readonly action: 'wrote' | 'added to' | 'kept';
  /** What was added, or why it was kept; undefined where that says itself. */
  readonly detail?: string;
}

/** Adds the command. */
export function addInit(commands: Commands): void {
  const command = commands
    .add('init [directory]', 'write a config and a first module; keeps what is there')
    .option('--name <name>', 'name of the app (default: of the directory)');
  commands.act(
    command,
    async ({ directory: base, terminal }, target: string | undefined, options: { readonly name?: string }) => {
      const directory = resolve(base, target ?? '.');
      const wanted = basename(directory);
      const name = options.name ?? usableName(wanted);
      const files = await initApp(directory, name);
      if (terminal.json) {
        terminal.data({ directory, name, files });
        return undefined;
      }
      for (const { file, action, detail } of files) {
        const line = `${terminal.paint(action === 'kept' ? 'yellow' : 'green', action.padEnd(8))} ${file}`;
        terminal.line(`  ${line}${detail === undefined ? '' : terminal.paint('dim', `   ${detail}`)}`);
      }
      if (options.name === undefined && name !== wanted)
        terminal.line(`\n  the app is named ${name}: "${wanted}" cannot name a store; --name chooses another`);
      const path = relative(base, directory);
      const isInstalled = (await textOf(join(directory, 'node_modules/mofo/package.json'))) !== undefined;
      terminal.line(
        `\n  next: ${path === '' ? '' : `cd ${quoted(path)} && `}${isInstalled ? '' : 'npm install && '}npx mofo dev`,
      );
      return undefined;
    },
  );
}

/**
 * Writes the files of a new app, and adds what is missing to those that are there.
 *
 * @returns What became of each file, named relative to `directory`.
 * @throws MofoError USAGE for a bad name: then nothing was written.
 */
export async function initApp(directory: string, name: string): Promise<WrittenFile[]> {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(name)) {
    throw new MofoError(
      'USAGE',
      `"${name}" is no name of an app: 1 to 64 letters, digits, _ or -, beginning with a letter or digit. Nothing was written.`,
    );
  }
  const config = await findConfigFile(directory);
  const written: WrittenFile[] = [];
  for (const [file, content] of Object.entries(appFiles(name))) {
    if (file === 'mofo.config.ts' && config !== undefined && basename(config) !== file)
      written.push({ file: basename(config), action: 'kept' });
    else written.push(await writeOrMerge(directory, file, content));
  }
  return written;
}

async function writeOrMerge(directory: string, file: string, content: string): Promise<WrittenFile> {
  const path = join(directory, file);
  const present = await textOf(path);
  if (present === undefined) {
    await mkdir(dirname(path), { recursive: true });
    // 'wx': a file that came in the meantime is not overwritten either.
    await writeFile(path, content, { flag: 'wx' });
    return { file, action: 'wrote' };
  }
  if (file === 'package.json') return mergeManifest(path, present, content);
  if (file === '.gitignore') return mergeLines(path, present, content);
  return { file, action: 'kept' };
}

/** Adds the scripts, the dependency and the type that are missing. */
async function mergeManifest(path: string, present: string, content: string): Promise<WrittenFile> {
  const file = 'package.json';
  const wanted = JSON.parse(content) as Manifest;
  let manifest: Manifest;
  try {
    manifest = JSON.parse(present) as Manifest;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { file, action: 'kept', detail: `it is no JSON; add the dependency mofo ${wanted.dependencies?.mofo}` };
  }
  const added: string[] = [];
  for (const part of ['scripts', 'dependencies'] as const) {
    for (const [key, value] of Object.entries(wanted[part] ?? {})) {
      if (manifest[part]?.[key] !== undefined || (key === 'mofo' && manifest.devDependencies?.mofo !== undefined))
        continue;
      manifest[part] = { ...manifest[part], [key]: value };
      added.push(`${part}.${key}`);
    }
  }
  if (manifest.type === undefined) {
    manifest.type = 'module';
    added.push('type');
  }
  const advice = manifest.type === 'module' ? '' : 'its type is not "module": tsc complains of it, mofo does not';
  if (added.length === 0) return { file, action: 'kept', ...(advice === '' ? {} : { detail: advice }) };
  await writeFile(path, `${JSON.stringify(manifest, undefined, indentOf(present))}\n`);
  return { file, action: 'added to', detail: [added.join(', '), ...(advice === '' ? [] : [advice])].join('; ') };
}

async function mergeLines(path: string, present: string, content: string): Promise<WrittenFile> {
  const known = new Set(present.split('\n').map((line) => line.trim().replace(/\/$/, '')));
  const missing = content.split('\n').filter((line) => line !== '' && !known.has(line));
  const file = basename(path);
  if (missing.length === 0) return { file, action: 'kept' };
  await writeFile(path, `${present}${present === '' || present.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
  return { file, action: 'added to', detail: missing.join(', ') };
}

interface Manifest {
  type?: string;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** As the file is indented now. */
function indentOf(text: string): string | number {
  return /^\{\r?\n([ \t]+)/.exec(text)?.[1] ?? 2;
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** For a shell, where it must be. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function usableName(directoryName: string): string {
  return (
    directoryName
      .replace(/[^a-z0-9_-]/gi, '-')
      .replace(/^[^a-z0-9]+/i, '')
      .slice(0, 64) || 'app'
  );
}

function appFiles(name: string): Readonly<Record<string, string>> {
  return {
    'mofo.config.ts': `import { defineConfig } from 'mofo';

export default defineConfig({
  name: '${name}',
  modules: './modules/*.ts',
  http: { port: 3000 },
});
`,
    'modules/hello.ts': `import { counter, defineModule } from 'mofo';

export default defineModule({
  name: 'hello',
  // In shared memory: it outlives crashes and updates of this file.
  state: { visits: counter() },
  http: {
    'GET /': (ctx) => Response.json({ hello: 'world', visits: ctx.state.visits.add(1) }),
  },
});
`,
    'package.json': `${JSON.stringify(
      {
        name: name.toLowerCase(),
        private: true,
        type: 'module',
        scripts: { dev: 'mofo dev', start: 'mofo run' },
        dependencies: { mofo: `^${mofoVersion()}` },
      },
      undefined,
      2,
    )}\n`,
    'tsconfig.json': `${JSON.stringify(
      {
        compilerOptions: {
          target: 'es2022',
          module: 'nodenext',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          verbatimModuleSyntax: true,
        },
        include: ['mofo.config.ts', 'modules'],
      },
      undefined,
      2,
    )}\n`,
    '.gitignore': 'node_modules\n.mofo\n',
  };
}
