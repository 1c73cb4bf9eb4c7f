// Versions of modules on disk: what was built, what can be trusted, and what to go back to.

export type { FileSystem } from './file-system.ts';
export { nodeFileSystem } from './file-system.ts';
export type { RegistryOptions } from './open-registry.ts';
export { openRegistry } from './open-registry.ts';
export type { AddOptions, MarkOptions, PruneOptions, Registry, RevertOptions, TryOptions } from './registry.ts';
export type { VersionEvent, VersionState } from './state-machine.ts';
export type { CrashReport, HistoryEntry, ModuleHistoryEntry, Version, VersionKey } from './version.ts';
export type { VersionsErrorCode, VersionsErrorDetails } from './versions-error.ts';
export { VersionsError } from './versions-error.ts';
