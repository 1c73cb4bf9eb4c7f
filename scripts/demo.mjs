// `npm run demo`: builds, then runs the bank under load while it is updated, broken and killed. Arguments are passed on.
import { join } from 'node:path';
import { runToEnd } from './lib/run.mjs';
import { readWorkspaces, root } from './lib/workspace.mjs';

const toStandardError = { cwd: root, stdio: ['ignore', process.stderr, process.stderr] };
console.error('mofo: building first, about a minute in a fresh clone');
const built = await runToEnd('pnpm', ['--silent', 'run', 'build'], toStandardError);
if (built !== 0) {
  console.error('mofo: the build failed, so there is nothing to show. Its output above says why.');
  process.exit(built);
}

// The example's own `demo` script, with no shell or package manager left between us and it: signals reach it.
const [example] = readWorkspaces(['examples/bank']);
const command = `exec ${example.manifest.scripts.demo} "$@"`;
process.exit(
  await runToEnd('sh', ['-c', command, 'demo', ...process.argv.slice(2)], { cwd: join(root, example.folder) }),
);
