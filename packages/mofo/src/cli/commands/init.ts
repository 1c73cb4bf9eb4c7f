// `mofo init [directory]`: the smallest app that runs, written into a directory without overwriting anything.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { MofoError, systemCodeOf } from '../../errors.ts';
import type { Commands } from '../command-context.ts';
import { mofoVersion } from '../mofo-version.ts';

/** Adds the command. */
export function addInit(commands: Commands): void {
  const command = commands
    .add('init [directory]', 'write a config and a first module')
    .option('--name <name>', 'name of the app (default: of the directory)');
  commands.act(
    command,
    async ({ directory: base, terminal }, target: string | undefined, options: { readonly name?: string }) => {
      const directory = resolve(base, target ?? '.');
      const files = await initApp(directory, options.name ?? usableName(basename(directory)));
      if (terminal.json) {
        terminal.data({ directory, files });
        return undefined;
      }
      for (const file of files) terminal.line(`  ${terminal.paint('green', 'wrote')} ${file}`);
      const path = relative(base, directory);
      terminal.line(`\n  next: ${path === '' ? '' : `cd ${path} && `}npm install && npx mofo dev`);
      return undefined;
    },
  );
}

/**
 * Writes the files of a new app.
 *
 * @returns Their names, relative to `directory`.
 * @throws MofoError USAGE for a bad name, FILE_EXISTS if one of the files is there already: then none was written.
 */
export async function initApp(directory: string, name: string): Promise<string[]> {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/i.test(name)) {
    throw new MofoError(
      'USAGE',
      `"${name}" is no name of an app: 1 to 64 letters, digits, _ or -, beginning with a letter or digit. Nothing was written.`,
    );
  }
  const files = Object.entries(appFiles(name));
  await refuseExisting(
    directory,
    files.map(([file]) => file),
  );
  for (const [file, content] of files) {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    // 'wx': a file that came in the meantime is not overwritten either.
    await writeFile(path, content, { flag: 'wx' });
  }
  return files.map(([file]) => file);
}

async function refuseExisting(directory: string, files: readonly string[]): Promise<void> {
  const present = new Set(await entriesOf(directory));
  const modules = new Set((await entriesOf(join(directory, 'modules'))).map((entry) => `modules/${entry}`));
  const existing = files.filter((file) => present.has(file) || modules.has(file));
  if (existing.length === 0) return;
  throw new MofoError(
    'FILE_EXISTS',
    `${existing.join(', ')} ${existing.length === 1 ? 'is' : 'are'} there already in ${directory}. Nothing was written. Choose an empty directory: npx mofo init my-app`,
    { data: { directory, existing } },
  );
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
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
