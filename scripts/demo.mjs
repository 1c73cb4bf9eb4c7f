// `npm run demo`: builds, then runs the bank under load while it is updated, broken and killed. Arguments are passed on.
import { join } from 'node:path';
import { runToEnd } from './lib/run.mjs';
import { root } from './lib/workspace.mjs';

const toStandardError = { cwd: root, stdio: ['ignore', process.stderr, process.stderr] };
const built = await runToEnd('pnpm', ['--silent', 'run', 'build'], toStandardError);
if (built !== 0) process.exit(built);
const example = join(root, 'examples/bank');
process.exit(await runToEnd('pnpm', ['--silent', 'run', 'demo', ...process.argv.slice(2)], { cwd: example }));
