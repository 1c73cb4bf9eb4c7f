// The arrows between packages are written twice, as dependencies in package.json and as references in tsconfig.json;
// this compares the two, for a missing reference builds in the wrong order only sometimes. The root's tsconfig.json must
// name every workspace, or it would not be built at all.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readWorkspaces, root } from './lib/workspace.mjs';

const folders = ['packages', 'examples'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);
const workspaces = readWorkspaces(
  [...folders, 'bench'].filter((folder) => existsSync(join(root, folder, 'tsconfig.json'))),
);
const folderOf = new Map(workspaces.map(({ folder, manifest }) => [manifest.name, folder]));

for (const { folder, manifest } of workspaces) {
  const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };
  compare(
    folder,
    Object.keys(dependencies).flatMap((name) => folderOf.get(name) ?? []),
  );
}
compare('.', [...folderOf.values()]);

function compare(folder, wanted) {
  const { references = [] } = JSON.parse(readFileSync(join(root, folder, 'tsconfig.json'), 'utf8'));
  const present = references.map(({ path }) => relative(root, join(root, folder, path)));
  for (const path of wanted.filter((path) => !present.includes(path))) {
    complain(`${folder}/tsconfig.json does not reference ${path}, which its package.json depends on`);
  }
  for (const path of present.filter((path) => !wanted.includes(path))) {
    complain(`${folder}/tsconfig.json references ${path}, which is not in its package.json`);
  }
}

function complain(message) {
  console.error(message);
  process.exitCode = 1;
}
