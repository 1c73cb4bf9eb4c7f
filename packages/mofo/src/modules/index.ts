// From a source file to a running definition: build, watch, load.
export { type BuildProblem, problemLine } from './build-error.ts';
export { type BuildOptions, type BuiltModule, buildModule, bundlerIdentity } from './build-module.ts';
export { type LoadedModule, type LoadOptions, loadModule } from './load-module.ts';
export type { ProvidedPackages } from './module-require.ts';
export {
  type ModuleBroken,
  type ModuleBuilt,
  type ModuleWatcher,
  type WatchModulesOptions,
  watchModules,
} from './watch-modules.ts';
