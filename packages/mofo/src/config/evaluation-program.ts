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
const { SourceMap } = require('node:module');
const { dirname, relative } = require('node:path');
const { Script } = require('node:vm');
const file = process.argv[1];
const answer = (evaluation) => {
  const bytes = Buffer.from(JSON.stringify(evaluation));
  for (let sent = 0; sent < bytes.byteLength;) sent += writeSync(3, bytes, sent);
  process.exit(0);
};
let bundle = '';
// The bundle's first line is the second of what runs.
const placeOf = (path, line, column) => {
  const map = /\\n\\/\\/# sourceMappingURL=data:application\\/json;base64,([\\w+/=]+)\\s*$/.exec(bundle);
  if (path !== file || map === null) return relative(dirname(file), path) + ':' + line + ':' + column;
  const { originalSource, originalLine, originalColumn } =
    new SourceMap(JSON.parse(Buffer.from(map[1], 'base64').toString('utf8'))).findEntry(line - 2, column - 1);
  return originalSource === undefined ? relative(dirname(file), path) : originalSource + ':' + (originalLine + 1) + ':' + (originalColumn + 1);
};
const refuse = (error) => {
  if (!(error instanceof Error)) return answer({ problem: 'it threw ' + String(error) });
  // Mapped to the sources; of packages and of this program it says nothing.
  const own = String(error.stack).split('\\n').map((line) => /\\(?(\\/[^()]+):(\\d+):(\\d+)\\)?$/.exec(line))
    .find((match) => match !== null && match[1].startsWith(dirname(file) + '/') && !match[1].includes('/node_modules/'));
  const place = own ? placeOf(own[1], Number(own[2]), Number(own[3])) + ': ' : '';
  answer({ problem: place + error.name + ': ' + error.message });
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
  bundle = readFileSync(0, 'utf8');
  const code = '(function (exports, require, module, __filename, __dirname) {\\n' + bundle + '\\n})';
  const run = new Script(code, { filename: file }).runInThisContext();
  run(module.exports, (id) => (id === 'mofo' ? mofo : fromApp(id)), module, file, dirname(file));
  const exported = module.exports.default;
  const value = await (typeof exported === 'function' ? exported() : exported);
  plain(value, 'it');
  answer({ value: value === undefined ? null : value });
})().catch(refuse);
process.on('uncaughtException', refuse);
`;
