// Packs every published package as `pnpm publish` would: workspace ranges become versions, the files list decides what
// is inside. The prebuilt addon is made first, or shm-store's tarball would work nowhere without a compiler.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './capture.mjs';
import { readPackages, root } from './workspace.mjs';

/**
 * @param {string} folder where the tarballs go
 * @returns {Promise<Map<string, { tarball: string, folder: string, manifest: Record<string, any> }>>} by package name
 */
export async function packPackages(folder) {
  await runOrThrow('pnpm', ['exec', 'turbo', 'run', 'prebuild', '--output-logs=errors-only'], root);
  mkdirSync(folder, { recursive: true });
  const entries = readPackages().map(async ({ folder: packageFolder, manifest }) => {
    const source = join(root, packageFolder);
    // Before the JSON stands what a prepack script says.
    const { stdout } = await runOrThrow('pnpm', ['pack', '--json', '--pack-destination', folder], source);
    return [
      manifest.name,
      { tarball: JSON.parse(stdout.slice(stdout.search(/^\{/m))).filename, folder: source, manifest },
    ];
  });
  return new Map(await Promise.all(entries));
}

/** Packages of ours that `name` needs, itself included. */
export function withOwnDependencies(name, packed, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const dependency of Object.keys(packed.get(name).manifest.dependencies ?? {})) {
    if (packed.has(dependency)) withOwnDependencies(dependency, packed, found);
  }
  return found;
}

async function runOrThrow(command, commandArguments, cwd) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };
  const result = await capture(command, commandArguments, { cwd, env });
  if (result.code === 0) return result;
  console.error(`${command} ${commandArguments.join(' ')} failed in ${cwd}:\n${result.output}`);
  throw new Error('nothing was packed; see above');
}
