// Bundles each published package into a few files, from its sources: `bundle/` is what the package's name loads, in this repository as after an install.
// Node takes about a millisecond for every file it loads, and a process of mofo loads all packages: as single files they cost half a second at each start
// of a command, of main and of every clone. `dist/` has the same code file by file, for its types and for tests that look inside.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { readPackages, root } from './lib/workspace.mjs';

/** Programs of a package, besides its index: name of the file in bundle/ and what it is made of. */
const programs = {
  mofo: {
    main: 'src/cli/main.ts',
    process: 'src/runtime/process.ts',
    'archived-sources-hooks': 'src/server-script/archived-sources-hooks.ts',
    'script-process-hook': 'src/server-script/script-process-hook.ts',
  },
};

await Promise.all(readPackages().map(bundle));

async function bundle({ folder, manifest }) {
  const cwd = join(root, folder);
  const build = await rolldown({
    cwd,
    input: { index: 'src/index.ts', ...programs[manifest.name] },
    platform: 'node',
    // Names of packages and of Node's own modules stay imports.
    external: /^[^./]/,
    onLog: (level, log) => {
      if (level !== 'debug' && level !== 'info') throw new Error(`${folder}: ${log.message}`);
    },
  });
  const { output } = await build.generate({
    dir: join(cwd, 'bundle'),
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    keepNames: true,
  });
  await build.close();
  write(join(cwd, 'bundle'), output);
}

/** Touches only what has changed: processes may run from these files. */
function write(directory, output) {
  mkdirSync(directory, { recursive: true });
  const names = new Set(output.map(({ fileName }) => fileName));
  for (const file of readdirSync(directory)) if (!names.has(file)) rmSync(join(directory, file));
  for (const { fileName, code, source } of output) {
    const path = join(directory, fileName);
    const text = code ?? source;
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    writeFileSync(path, text);
  }
}
