// The calls to the operating system that the registry is built of, as an interface, so that tests can stop a process after
// each of them, take the power away, or leave one out and see the checks fail. The default is node:fs, unchanged.

import * as fs from 'node:fs';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemCode } from './versions-error.ts';

/** The calls of the operating system that the registry makes. All but `writeNewFile` are synchronous; errors are Node's. */
export interface FileSystem {
  /** Creates a file that must not exist, for writing; returns its descriptor. */
  openNew(path: string): number;
  /** Opens a directory so that it can be synced. */
  openDirectory(path: string): number;
  /** Writes all of `bytes`. */
  write(descriptor: number, bytes: Uint8Array): void;
  /** Returns once the file or directory is on the disk. */
  sync(descriptor: number): void;
  close(descriptor: number): void;
  /** Reads a whole file; one that is longer than `sizeBytesMax` is an error (EFBIG). */
  readFile(path: string, sizeBytesMax: number): Uint8Array;
  /** True if a file or directory is there. */
  exists(path: string): boolean;
  /** Puts the file `from` in the place of `to`, atomically. */
  rename(from: string, to: string): void;
  /** Gives the file `existing` a second name; EEXIST if that is taken. */
  link(existing: string, path: string): void;
  /** Makes a symbolic link that holds `text`, exclusively: EEXIST if `path` is taken. */
  symlink(text: string, path: string): void;
  readlink(path: string): string;
  unlink(path: string): void;
  readDirectory(path: string): string[];
  /** Makes a directory, its parent being there; EEXIST if it is there already. */
  makeDirectory(path: string): void;
  /** Creates a file, writes `bytes` and syncs it, without blocking the event loop. */
  writeNewFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Syncs a directory without blocking the event loop. */
  syncDirectory(path: string): Promise<void>;
}

const privateFileMode = 0o600;
const privateDirectoryMode = 0o700;

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  openNew: (path) => fs.openSync(path, 'wx', privateFileMode),
  openDirectory: (path) => fs.openSync(path, constants.O_RDONLY | constants.O_DIRECTORY),
  write(descriptor, bytes) {
    for (let written = 0; written < bytes.byteLength; ) {
      written += fs.writeSync(descriptor, bytes, written, bytes.byteLength - written);
    }
  },
  sync: (descriptor) => fs.fsyncSync(descriptor),
  close: (descriptor) => fs.closeSync(descriptor),
  readFile(path, sizeBytesMax) {
    const descriptor = fs.openSync(path, 'r');
    try {
      const sizeBytes = fs.fstatSync(descriptor).size;
      if (sizeBytes > sizeBytesMax) {
        throw Object.assign(new Error(`${path} has ${sizeBytes} bytes`), { code: 'EFBIG' });
      }
      return fs.readFileSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  exists: (path) => fs.existsSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  link: (existing, path) => fs.linkSync(existing, path),
  symlink: (text, path) => fs.symlinkSync(text, path),
  readlink: (path) => fs.readlinkSync(path),
  unlink: (path) => fs.unlinkSync(path),
  readDirectory: (path) => fs.readdirSync(path),
  makeDirectory: (path) => fs.mkdirSync(path, privateDirectoryMode),
  async writeNewFile(path, bytes) {
    const file = await open(path, 'wx', privateFileMode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async syncDirectory(path) {
    const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

/** Writes `bytes` to the new file `path` and returns once they are on the disk. The name is not durable yet. */
export function writeNewFileSync(fileSystem: FileSystem, path: string, bytes: Uint8Array): void {
  const descriptor = fileSystem.openNew(path);
  try {
    fileSystem.write(descriptor, bytes);
    fileSystem.sync(descriptor);
  } finally {
    fileSystem.close(descriptor);
  }
}

/** Returns once every name that was made, replaced or removed in the directory is so on the disk. */
export function syncDirectorySync(fileSystem: FileSystem, path: string): void {
  const descriptor = fileSystem.openDirectory(path);
  try {
    fileSystem.sync(descriptor);
  } finally {
    fileSystem.close(descriptor);
  }
}

/** Removes a file or symbolic link; that it is gone already is no error. */
export function removeIfThere(fileSystem: FileSystem, path: string): void {
  try {
    fileSystem.unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** Makes a directory, unless it is there, and returns once it is on the disk. Its parent must be there. */
export function makeDirectorySync(fileSystem: FileSystem, path: string, parent: string): void {
  try {
    fileSystem.makeDirectory(path);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  syncDirectorySync(fileSystem, parent);
}
