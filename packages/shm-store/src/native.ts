// Loads the addon on the first call, never on import: importing the package costs nothing and works on every platform, and a
// platform without the addon gets a coded error where it opens a store.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { fromNative, ShmStoreError } from './errors.ts';
import type { NativeOpenOptions, NativeStore } from './native-binding.ts';
import type { NativeConnectionDesk, NativeConnectionHub } from './native-connections.ts';
import type { RestoreSegmentsOptions } from './native-image.ts';

/** A process or thread attached to a store, as found in its slot. */
export interface NativeAttachment {
  readonly slot: number;
  readonly pid: number;
  readonly tid: number;
  /** 0 none, 1 main, 2 clone, 3 worker. */
  readonly role: number;
  /** Start time of the thread in clock ticks since boot. */
  readonly startTime: number;
  readonly alive: boolean;
}

/** One store of this user, as its files say without being mapped. */
export interface NativeStoreInfo {
  readonly name: string;
  /** `ready`; `incomplete` (half made or half deleted); `retired`; `damaged`; `foreign` (another format or layout). */
  readonly state: 'ready' | 'incomplete' | 'retired' | 'damaged' | 'foreign';
  /** Nominal size in bytes; 0 unless the format is known. */
  readonly sizeBytes: number;
  /** Bytes below which refs may point. */
  readonly reservedBytes: number;
  /** Memory that the three segments occupy. */
  readonly backedBytes: number;
  readonly attached: readonly NativeAttachment[];
  /** Pid of the living role owner; 0 none. */
  readonly rolePid: number;
}

/** What the addon exports besides what a NativeStore does. */
export interface NativeAddon {
  readonly NativeStore: new (options: NativeOpenOptions) => NativeStore;
  setErrorFactory(factory: (code: string, detail: string, errno: number) => Error): void;
  destroyStore(name: string, force: boolean): boolean;
  /** Resolves with the new timeline. */
  restoreSegments(options: RestoreSegmentsOptions): Promise<number>;
  findStore(name: string): NativeStoreInfo | undefined;
  listStores(): NativeStoreInfo[];
  /** Bytes that may still be taken before the memory or cgroup limit less its margin; the folders are parameters for tests. */
  availableMemoryBytes(procDirectory: string, cgroupDirectory: string): number;
  /** Clock ticks since boot, or -1 when there is no such living process (or thread, if tid is not 0). */
  processStartTime(pid: number, tid: number): number;
  /** False when it has ended already. */
  killProcess(pid: number, startTime: number, signal: number): boolean;
  /** Calls `onExit` once when the process ends; returns a number for {@link unwatchProcess}, or 0 when it has ended already. */
  watchProcess(pid: number, startTime: number, onExit: () => void): number;
  unwatchProcess(watch: number): void;
  limitCoreDump(): void;
  listenTcp(host: string, port: number, backlog: number): number;
  boundPort(fd: number): number;
  listenUnix(path: string, backlog: number): number;
  notifyService(socketPath: string, state: string): void;
  readonly ConnectionHub: new (countMax: number) => NativeConnectionHub;
  readonly ConnectionDesk: new (channelFd: number, tableFd: number) => NativeConnectionDesk;
  installIoHooks(): void;
}

/** What the addon is built with; no dependency, for whoever installs a prebuilt one has no use for it. */
const NODE_ADDON_API_MAJOR = 8;

let loaded: NativeAddon | undefined;

/**
 * The addon, loaded once per thread: from native/build/Release when built here, otherwise from prebuilds.
 *
 * @throws ShmStoreError UNSUPPORTED_PLATFORM when neither has a file for this platform that loads.
 */
export function loadNative(): NativeAddon {
  if (loaded === undefined) {
    const addon = loadAddon();
    addon.setErrorFactory(fromNative);
    loaded = addon;
  }
  return loaded;
}

function loadAddon(): NativeAddon {
  const require = createRequire(import.meta.url);
  const nodeGypBuild = require('node-gyp-build') as (folder: string) => unknown;
  const failures: unknown[] = [];
  // Both src/ and dist/ lie directly in the package.
  for (const folder of ['../native', '..']) {
    try {
      return nodeGypBuild(fileURLToPath(new URL(folder, import.meta.url))) as NativeAddon;
    } catch (error) {
      failures.push(error);
    }
  }
  const platform = describePlatform();
  const reasons = failures.map((error) => (error as Error).message.split('\n')[0]).join('; ');
  throw new ShmStoreError(
    'UNSUPPORTED_PLATFORM',
    `@mofo/shm-store has no addon that loads on ${platform} (Node ${process.versions.node}): ${reasons}\n` +
      '  Nothing was opened. The published package has a prebuilt addon for Linux on x64 with glibc. To build it here you need g++, make and\n' +
      `  python3; then run, in the folder of your app: npm install --no-save node-addon-api@${NODE_ADDON_API_MAJOR} && npx node-gyp rebuild -C node_modules/@mofo/shm-store/native`,
    { cause: failures[0], data: { platform: process.platform, arch: process.arch } },
  );
}

function describePlatform(): string {
  if (process.platform !== 'linux') return `${process.platform} ${process.arch}`;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const glibc = report.header?.glibcVersionRuntime;
  return `linux ${process.arch} ${glibc === undefined ? 'musl' : `glibc ${glibc}`}`;
}
