// Reading and checking `mofo.config.*`.
export type { Config } from './config.ts';
export { findConfigFile, type LoadedConfig, loadConfig } from './load-config.ts';
export { findModules, type ModuleFile, moduleNameProblem, moduleOfFile, patternDirectories } from './module-files.ts';
export { parseSizeBytes, showSize } from './size.ts';
export { validateConfig } from './validate-config.ts';
