// Builds the addon of the package in the current folder from source: native/binding.gyp → native/build/Release.
// Incremental: what has not changed is not compiled again.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { nodeHeadersFolder } from './lib/node-headers.mjs';
import { runToEnd } from './lib/run.mjs';

const nodeGyp = createRequire(join(process.cwd(), 'package.json')).resolve('node-gyp/bin/node-gyp.js');
const headers = nodeHeadersFolder();
const nodeGypArguments = ['configure', 'build', '-C', 'native', '-j', 'max', '--loglevel=warn'];
if (headers !== undefined) nodeGypArguments.push(`--nodedir=${headers}`);
process.exit(await runToEnd(process.execPath, [nodeGyp, ...nodeGypArguments]));
