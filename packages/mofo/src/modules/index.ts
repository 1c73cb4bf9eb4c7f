// From a source file to a running definition: build, watch, load.
export { buildModule } from './build-module.ts';
export { type LoadedModule, loadModule } from './load-module.ts';
export { type ModuleWatcher, watchModules } from './watch-modules.ts';
