// Coherent snapshots of a running shared-memory store, written to disk in the background, and their restore.

export { type ImageCode, type SnapshotCode, SnapshotError, type SnapshotErrorCode } from './errors.ts';
export { listImages as listSnapshots, type SnapshotInfo } from './image-directory.ts';
export { type ReadProgress, verifyImage } from './image-file.ts';
export { IMAGE_FORMAT, type ImageHeader } from './image-header.ts';
export { type Image, type OpenImageOptions, openImage } from './open-image.ts';
export { type RestoredStore, type RestoreStoreOptions, restoreStore } from './restore-store.ts';
export {
  type OpenSnapshotsOptions,
  openSnapshots,
  type Snapshots,
  type TakeOptions,
  type TakeResult,
  type VerifyOptions,
} from './snapshots.ts';
export type { TakenSnapshot, TakeProgress } from './take-snapshot.ts';
