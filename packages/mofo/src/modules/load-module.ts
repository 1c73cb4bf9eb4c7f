// A bundle becomes a running definition. It is evaluated as a plain function in this context: unlike an ES module, such a
// function and all it made can be collected once nobody holds the definition, so ten thousand updates leave memory flat.

import { dirname, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import type { ModuleDefinition } from '../define/index.ts';
import { isModuleDefinition } from '../define/index.ts';
import { MofoError } from '../errors.ts';
import { WebResponse } from '../http/web-response.ts';
import { moduleRequire, type ProvidedPackages } from './module-require.ts';
import { mapStacksOf, splitBundle } from './stack-mapping.ts';

/** What to load. */
export interface LoadOptions {
  /** Name that the module must have; undefined: whatever it says. */
  readonly module?: string;
  /** Short id of the version: `a1f3d2`; it names the script in stacks and profiles. */
  readonly id: string;
  /** The bundle's bytes, as `buildModule` made them. */
  readonly bundle: Uint8Array;
  /** The source file, relative to `directory`: what `import.meta.url` and `__filename` say. */
  readonly source: string;
  /** The app's directory: packages are looked for here. */
  readonly directory: string;
  /** The runtime's own packages by name: `{ mofo, '@mofo/journal': journal }`. */
  readonly provided: ProvidedPackages;
}

/** A loaded version. Keep it while it may run; drop every reference to let it be collected. */
export interface LoadedModule {
  /** The default export, made by this runtime's `defineModule`. */
  readonly definition: ModuleDefinition;
  /** Everything that the bundle exports. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** Name of its script in unmapped stacks: `mofo:fees@a1f3d2#7`. */
  readonly scriptName: string;
}

let loadCount = 0;

/** Keeps the exports, and with them the map of the stacks, as long as the definition is in use. */
const exportsOf = new WeakMap<object, object>();

/**
 * Evaluates a bundle. Synchronous; runs the module's top-level code, in this process.
 *
 * @throws MofoError LOAD_FAILED if it does not parse or its top-level code throws (`cause` has the error, its stack shows the
 *   sources); MODULE_INVALID if `defineModule` refused it; REQUIRE_FAILED for a missing package; EXPORTS_INVALID if its default
 *   export was not made by `defineModule`; NAME_MISMATCH if it names itself otherwise. Whatever ran before is untouched.
 */
export function loadModule(options: LoadOptions): LoadedModule {
  loadCount += 1;
  const scriptName = `mofo:${options.module ?? options.source}@${options.id}#${loadCount}`;
  const exports = evaluate(options, scriptName);
  const definition = exports.default;
  if (!isModuleDefinition(definition)) {
    throw new MofoError(
      'EXPORTS_INVALID',
      `the default export of ${options.source} was not made by defineModule of the running mofo. ` +
        "It was not taken up, what ran before goes on. Write: export default defineModule({ name: '…' }), imported from 'mofo'.",
      { data: { file: options.source } },
    );
  }
  if (options.module !== undefined && definition.name !== options.module) {
    throw new MofoError(
      'NAME_MISMATCH',
      `${options.source} names its module "${definition.name}", expected was "${options.module}". ` +
        'It was not taken up, what ran before goes on. A module is named as its file: rename one of the two.',
      { data: { file: options.source, name: definition.name, expected: options.module } },
    );
  }
  exportsOf.set(definition, exports);
  return { definition, exports, scriptName };
}

const bundleParameters = ['exports', 'require', 'module', '__filename', '__dirname', 'Response'];

type BundleFunction = (
  exports: Record<string, unknown>,
  require: (id: string) => unknown,
  module: { exports: Record<string, unknown> },
  filename: string,
  directory: string,
  response: unknown,
) => void;

function evaluate(options: LoadOptions, scriptName: string): Record<string, unknown> {
  const { code, encodedMap } = splitBundle(Buffer.from(options.bundle).toString('utf8'));
  const filename = resolve(options.directory, options.source);
  const module = { exports: {} as Record<string, unknown> };
  if (encodedMap !== undefined) mapStacksOf(scriptName, encodedMap, options.directory, module.exports);
  try {
    // compileFunction, not Script: each Script leaves a kilobyte behind for ever (Node 20). No dynamic import callback either.
    const run = compileFunction(code, bundleParameters, { filename: scriptName }) as BundleFunction;
    const require = moduleRequire(options.directory, options.provided);
    run(module.exports, require, module, filename, dirname(filename), WebResponse);
  } catch (error) {
    if (error instanceof MofoError) throw error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new MofoError(
      'LOAD_FAILED',
      `${options.source} could not be loaded, its top-level code threw ${reason}. What ran before goes on.`,
      { cause: error, data: { file: options.source, reason } },
    );
  }
  return module.exports;
}
