// Long runs that the tests are too short for: `pnpm soak <name> [arguments]` runs packages/*/soak/<name>.mjs.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './lib/run.mjs';
import { readPackages, root } from './lib/workspace.mjs';

const soaks = new Map(readPackages().flatMap(({ folder }) => listSoaks(join(root, folder, 'soak'))));
const [name, ...soakArguments] = process.argv.slice(2);
const program = soaks.get(name);
if (program === undefined) {
  const names = soaks.size > 0 ? [...soaks.keys()].sort().join(', ') : 'none yet (packages/*/soak/<name>.mjs)';
  console.error(name === undefined ? 'Which soak?' : `There is no soak named ${name}.`);
  console.error(`usage: pnpm soak <name> [arguments]; names: ${names}`);
  process.exit(2);
}
process.exit(await runToEnd(process.execPath, [program, ...soakArguments], { cwd: root }));

function listSoaks(folder) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'));
  return files.map((file) => [file.slice(0, -'.mjs'.length), join(folder, file)]);
}
