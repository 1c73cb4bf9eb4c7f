// `npm run tarballs`: builds, and packs every published package into tarballs/, to be installed elsewhere as if they came from a registry. All of them at
// once: they depend on each other.
import { rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { packPackages } from './lib/pack-packages.mjs';
import { runToEnd } from './lib/run.mjs';
import { root } from './lib/workspace.mjs';

const folder = join(root, 'tarballs');
const toStandardError = { cwd: root, stdio: ['ignore', process.stderr, process.stderr] };
const built = await runToEnd('pnpm', ['--silent', 'run', 'build'], toStandardError);
if (built !== 0) {
  console.error('mofo: the build failed, so nothing was packed. Its output above says why.');
  process.exit(built);
}
rmSync(folder, { recursive: true, force: true });
for (const { tarball } of (await packPackages(folder)).values()) console.log(relative(root, tarball));
console.log(`\nIn the folder of an app: npm install ${join('..', basename(root), 'tarballs')}/*.tgz && npx mofo init`);
