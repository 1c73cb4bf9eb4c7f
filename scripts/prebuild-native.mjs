// Makes the binary that is published with the package in the current folder: prebuilds/<platform>-<arch>/. One binary
// built on Node 20 loads on every later Node, for the addon uses Node-API only. It is built in a copy of native/, so that
// the addon which tests may be using at this moment stays in place.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { nodeHeadersFolder } from './lib/node-headers.mjs';
import { runToEnd } from './lib/run.mjs';

const name = basename(process.cwd());
const prebuildify = createRequire(join(process.cwd(), 'package.json')).resolve('prebuildify/bin.js');
const headers = nodeHeadersFolder();
const env = headers === undefined ? process.env : { ...process.env, npm_config_nodedir: headers };

// Inside the package, or `require('node-addon-api')` in binding.gyp would not be found.
const workFolder = mkdtempSync(resolve('.prebuild-'));
try {
  cpSync('native', join(workFolder, 'native'), { recursive: true, filter: (path) => !path.startsWith('native/build') });
  // Those of other platforms were made there.
  rmSync(join('prebuilds', `${process.platform}-${process.arch}`), { recursive: true, force: true });
  const options = [
    '--napi',
    '--strip',
    '--tag-libc',
    '--cwd',
    join(workFolder, 'native'),
    '--out',
    '.',
    '--name',
    name,
  ];
  process.exitCode = await runToEnd(process.execPath, [prebuildify, ...options], { env });
} finally {
  rmSync(workFolder, { recursive: true, force: true });
}
