// A disk in memory that forgets, in the ways that POSIX allows, what was not synced.
//
// A file has bytes as written and bytes as synced; a directory has names as changed and names as synced. Cutting the power at the
// n-th call throws, and so does every call after it. What is found afterwards is one of three worlds: nothing unsynced survived;
// every name survived but unsynced contents are empty; of each directory some first part of its unsynced changes survived.

import type { FileSystem } from '../src/index.ts';

interface File {
  kind: 'file' | 'link';
  bytes: Uint8Array;
  synced: Uint8Array;
}
interface Directory {
  kind: 'directory';
  names: Map<string, Node>;
  synced: Map<string, Node>;
  unsynced: ((names: Map<string, Node>) => void)[];
}
type Node = File | Directory;

/** What survives a power cut; `share` is the part of each directory's unsynced changes that does, from 0 to 1. */
export type World =
  | { readonly keeps: 'synced' }
  | { readonly keeps: 'names' }
  | { readonly keeps: 'some'; readonly share: number };

/** The error that every call throws once the power is cut. */
export class PowerCut extends Error {}

export class PowerLossDisk {
  readonly fileSystem: FileSystem;
  readonly #root: Directory = directory();
  readonly #open = new Map<number, Node>();
  #descriptor = 100;
  #callsLeft = Number.POSITIVE_INFINITY;
  callCount = 0;

  /** `isSyncing` false plants the bug: sync does nothing. */
  constructor(isSyncing = true) {
    this.fileSystem = this.#counted(this.#calls(isSyncing));
  }

  /** Cuts the power before the n-th call from now. */
  cutBefore(call: number): void {
    this.#callsLeft = call - 1;
  }

  /** The disk as it is found after the power came back. */
  after(world: World): PowerLossDisk {
    const disk = new PowerLossDisk();
    const survivors = new Map<Node, Node>();
    copyInto(disk.#root, this.#root, world, survivors);
    return disk;
  }

  #counted(calls: FileSystem): FileSystem {
    const entries = Object.entries(calls).map(([name, call]) => [
      name,
      (...args: unknown[]) => {
        this.callCount += 1;
        this.#callsLeft -= 1;
        if (this.#callsLeft < 0) throw new PowerCut(`power cut at ${name}`);
        return (call as (...args: unknown[]) => unknown)(...args);
      },
    ]);
    return Object.fromEntries(entries) as FileSystem;
  }

  #calls(isSyncing: boolean): FileSystem {
    const openNew = (path: string): number => {
      const { parent, name } = this.#locate(path);
      if (parent.names.has(name)) throw systemError('EEXIST', path);
      const file: File = { kind: 'file', bytes: new Uint8Array(), synced: new Uint8Array() };
      change(parent, (names) => names.set(name, file));
      return this.#descriptorOf(file);
    };
    const openDirectory = (path: string): number => this.#descriptorOf(this.#directory(path));
    const write = (descriptor: number, bytes: Uint8Array): void => {
      const file = this.#open.get(descriptor) as File;
      file.bytes = Buffer.concat([file.bytes, bytes]);
    };
    const sync = (descriptor: number): void => {
      const node = this.#open.get(descriptor)!;
      if (!isSyncing) return;
      if (node.kind !== 'directory') {
        node.synced = node.bytes;
        return;
      }
      node.synced = new Map(node.names);
      node.unsynced = [];
    };
    return {
      openNew,
      openDirectory,
      write,
      sync,
      close: (descriptor) => void this.#open.delete(descriptor),
      readFile: (path) => Buffer.from((this.#find(path) as File).bytes),
      exists: (path) => this.#tryFind(path) !== undefined,
      rename: (from, to) => {
        const source = this.#locate(from);
        const target = this.#locate(to);
        const node = this.#find(from);
        if (this.#tryFind(to) === node) return;
        // One directory, one change: a rename survives as a whole or not at all.
        change(target.parent, (names) => names.set(target.name, node).delete(source.name));
      },
      link: (existing, path) => {
        const { parent, name } = this.#locate(path);
        if (parent.names.has(name)) throw systemError('EEXIST', path);
        const node = this.#find(existing);
        change(parent, (names) => names.set(name, node));
      },
      symlink: (text, path) => {
        const { parent, name } = this.#locate(path);
        if (parent.names.has(name)) throw systemError('EEXIST', path);
        const bytes = Buffer.from(text);
        change(parent, (names) => names.set(name, { kind: 'link', bytes, synced: bytes }));
      },
      readlink: (path) => Buffer.from((this.#find(path) as File).bytes).toString(),
      unlink: (path) => {
        const { parent, name } = this.#locate(path);
        this.#find(path);
        change(parent, (names) => names.delete(name));
      },
      readDirectory: (path) => [...this.#directory(path).names.keys()],
      makeDirectory: (path) => {
        const { parent, name } = this.#locate(path);
        if (parent.names.has(name)) throw systemError('EEXIST', path);
        const made = directory();
        change(parent, (names) => names.set(name, made));
      },
      writeNewFile: async (path, bytes) => {
        const descriptor = openNew(path);
        write(descriptor, bytes);
        sync(descriptor);
      },
      syncDirectory: async (path) => sync(openDirectory(path)),
    };
  }

  #descriptorOf(node: Node): number {
    this.#descriptor += 1;
    this.#open.set(this.#descriptor, node);
    return this.#descriptor;
  }

  #tryFind(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of path.split('/').filter(Boolean))
      node = node?.kind === 'directory' ? node.names.get(part) : undefined;
    return node;
  }

  #find(path: string): Node {
    const node = this.#tryFind(path);
    if (node === undefined) throw systemError('ENOENT', path);
    return node;
  }

  #directory(path: string): Directory {
    const node = this.#find(path);
    if (node.kind !== 'directory') throw systemError('ENOTDIR', path);
    return node;
  }

  #locate(path: string): { parent: Directory; name: string } {
    const slash = path.lastIndexOf('/');
    return { parent: this.#directory(path.slice(0, slash)), name: path.slice(slash + 1) };
  }
}

function directory(): Directory {
  return { kind: 'directory', names: new Map(), synced: new Map(), unsynced: [] };
}

function change(parent: Directory, edit: (names: Map<string, Node>) => void): void {
  edit(parent.names);
  parent.unsynced.push(edit);
}

function copyInto(target: Directory, source: Directory, world: World, survivors: Map<Node, Node>): void {
  const names = new Map(source.synced);
  const share = world.keeps === 'synced' ? 0 : world.keeps === 'names' ? 1 : world.share;
  for (const edit of source.unsynced.slice(0, Math.round(source.unsynced.length * share))) edit(names);
  for (const [name, node] of names) {
    let copy = survivors.get(node);
    if (copy === undefined) {
      if (node.kind === 'directory') {
        copy = directory();
        copyInto(copy, node, world, survivors);
      } else copy = { kind: node.kind, bytes: node.synced, synced: node.synced };
      survivors.set(node, copy);
    }
    target.names.set(name, copy);
  }
  target.synced = new Map(target.names);
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
