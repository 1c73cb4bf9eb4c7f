// The program of the process that evaluates a config. It is a text, not a file, so that it runs the same from sources and from
// the published package. It reads the bundle from its input and writes one JSON to descriptor 3; descriptor 1 is the user's.

/** What comes back: the exported value, or what went wrong. */
export interface Evaluation {
  readonly value?: unknown;
  readonly problem?: string;
}

/** Started as `node --input-type=commonjs -e <this> <config file>`. */
export const evaluationProgram: string = `
const { readFileSync, writeSync } = require('node:fs');
const { dirname } = require('node:path');
const { Script } = require('node:vm');
const file = process.argv[1];
const answer = (evaluation) => {
  const bytes = Buffer.from(JSON.stringify(evaluation));
  for (let sent = 0; sent < bytes.byteLength;) sent += writeSync(3, bytes, sent);
  process.exit(0);
};
const refuse = (error) => {
  const isError = error instanceof Error;
  answer({ problem: isError ? error.name + ': ' + error.message : 'it threw ' + String(error) });
};
const mofo = new Proxy({ defineConfig: (input) => input }, {
  get(target, key) {
    if (key in target || typeof key === 'symbol' || key === '__esModule') return target[key];
    throw new Error('a config may import only defineConfig from mofo, not ' + key);
  },
});
const fromApp = require('node:module').createRequire(file);
const plain = (value, path) => {
  if (['function', 'symbol', 'bigint'].includes(typeof value)) throw new Error(path + ' is a ' + typeof value + '; a config is plain data');
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(path + ' is ' + value);
  if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value)) plain(entry, path === 'it' ? key : path + '.' + key);
  }
};
(async () => {
  const module = { exports: {} };
  const code = '(function (exports, require, module, __filename, __dirname) {' + readFileSync(0, 'utf8') + '\\n})';
  const run = new Script(code, { filename: file }).runInThisContext();
  run(module.exports, (id) => (id === 'mofo' ? mofo : fromApp(id)), module, file, dirname(file));
  const exported = module.exports.default;
  const value = await (typeof exported === 'function' ? exported() : exported);
  plain(value, 'it');
  answer({ value: value === undefined ? null : value });
})().catch(refuse);
process.on('uncaughtException', refuse);
`;
