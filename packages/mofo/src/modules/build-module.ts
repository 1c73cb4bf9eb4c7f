// One source file and what it imports relatively become one bundle: a CommonJS script that the loader can evaluate and,
// later, let be collected. Nothing of it is executed here.
//
// The same sources give the same bytes wherever the app stands: paths are relative to the app's directory, and the map
// carries positions only, not the sources. So an edit that changes no code and no position is no new version.

import { realpath, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import type { OutputChunk } from 'rolldown';
import { MofoError, systemCodeOf } from '../errors.ts';
import { buildFailed } from './build-error.ts';

/** JavaScript that bundles are lowered to: the oldest Node.js that runs mofo. */
const target = 'node20.19';

/** What to build. */
export interface BuildOptions {
  /** The app's directory: relative paths, also those inside the bundle, begin here. */
  readonly directory: string;
  /** The module's source file, absolute or relative to `directory`. */
  readonly source: string;
}

/** A built module. */
export interface BuiltModule {
  /** The script with its source map at its end. */
  readonly bundle: Buffer;
  /** Bundler and target, to be hashed together with the bundle: other ones make another version. */
  readonly bundler: string;
  /** The source file, relative to the app's directory, with `/`. */
  readonly source: string;
  /** Names that the bundle exports; `default` is among them. */
  readonly exports: readonly string[];
  /** Absolute paths of every file that went into it, sorted: what to watch. */
  readonly inputs: readonly string[];
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/**
 * Bundles one module. Relative imports are taken in, bare ones (`mofo`, packages, Node's own) stay `require` calls.
 * Async; 5 to 30 ms for a usual module.
 *
 * @throws MofoError BUILD_FAILED with `data.{file, line, column, reason, frame, problems}`; EXPORTS_INVALID if there is no
 *   default export. Nothing was written either way.
 */
export async function buildModule(options: BuildOptions): Promise<BuiltModule> {
  const startedAt = performance.now();
  const directory = await realpath(resolve(options.directory));
  const path = resolve(directory, options.source);
  const source = relative(directory, path).replaceAll('\\', '/');
  await requireFile(path, source);
  const { chunk, inputs, bundler } = await bundleFile(path, source, directory);
  if (!chunk.exports.includes('default')) {
    const found = chunk.exports.length === 0 ? 'nothing' : chunk.exports.join(', ');
    throw new MofoError(
      'EXPORTS_INVALID',
      `${source} has no default export (it exports ${found}). It was not loaded, what ran before goes on. ` +
        "Write: export default defineModule({ name: '…' }).",
      { data: { file: source, exports: chunk.exports } },
    );
  }
  return {
    bundle: Buffer.from(`${chunk.code.trimEnd()}\n${inlineMap(chunk)}`),
    bundler,
    source,
    exports: chunk.exports,
    inputs,
    durationMs: performance.now() - startedAt,
  };
}

async function bundleFile(
  path: string,
  source: string,
  directory: string,
): Promise<{ chunk: OutputChunk; inputs: string[]; bundler: string }> {
  // Loaded when something is first built: it takes a tenth of a second, and most commands build nothing.
  const { rolldown, VERSION } = await import('rolldown');
  const build = await rolldown({
    input: path,
    cwd: directory,
    platform: 'node',
    external: isBare,
    logLevel: 'silent',
    // The app's tsconfig is for its editor; taking `paths` or `target` from it would make bundles depend on one more file.
    tsconfig: false,
    transform: { target },
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      dir: directory,
      exports: 'named',
      sourcemap: 'hidden',
      codeSplitting: false,
      // `import('x')` becomes require: a dynamic import callback would keep every replaced version in memory.
      dynamicImportInCjs: false,
      minify: false,
      strict: true,
    });
    const inputs = (await build.watchFiles).filter((file) => file.startsWith('/')).sort();
    return { chunk: output[0], inputs, bundler: `rolldown ${VERSION} ${target} cjs 1` };
  } catch (error) {
    throw buildFailed(error, source, directory);
  } finally {
    await build.close();
  }
}

/** A package, not a file: kept as a `require` call, answered by the loader. */
function isBare(id: string): boolean {
  return !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('\0') && !id.startsWith('#');
}

function inlineMap(chunk: OutputChunk): string {
  if (chunk.map === null) return '';
  const { version, names, sources, mappings } = chunk.map;
  const map = JSON.stringify({ version, file: chunk.fileName, names, sources, mappings });
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}\n`;
}

async function requireFile(path: string, source: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    const reason =
      systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : `it cannot be read (${systemCodeOf(error)})`;
    throw new MofoError('BUILD_FAILED', `${source} was not built: ${reason}. What ran before goes on.`, {
      cause: error,
      data: { file: source, reason, problems: [] },
    });
  }
  throw new MofoError('BUILD_FAILED', `${source} was not built: it is no file. What ran before goes on.`, {
    data: { file: source, reason: 'it is no file', problems: [] },
  });
}
