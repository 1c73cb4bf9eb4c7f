// The published packages of this repository, read from their package.json files, in the order of the folder names.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** @returns {{ folder: string, manifest: Record<string, any> }[]} folder is relative to the root */
export function readPackages() {
  return readWorkspaces(readdirSync(new URL('../../packages', import.meta.url)).map((name) => `packages/${name}`));
}

/** The same for any workspace folders. */
export function readWorkspaces(folders) {
  return folders.map((folder) => {
    const manifest = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
    return { folder, manifest };
  });
}
