// Is there room for the store? Main and backup are each as large as the store's nominal size when it is full; control takes little beside them.

import { statfsSync } from 'node:fs';
import { showSize } from '../config/index.ts';
import type { Finding, Patient } from './finding.ts';
import { readText } from './read-text.ts';

const TMPFS_MAGIC = 0x01021994;

/** Where stores live, and how large it is. */
export function checkSharedMemory({ roots, storeBytes, heldBytes }: Patient): Finding[] {
  let shm: { readonly type: number; readonly bsize: number; readonly blocks: number; readonly bavail: number };
  try {
    shm = statfsSync(roots.shm);
  } catch (error) {
    return [
      {
        code: 'SHM_MISSING',
        level: 'warning',
        message: `${roots.shm} cannot be used: ${(error as Error).message}. Stores live there.`,
        remedy: `Mount it: mount -t tmpfs -o mode=1777 tmpfs ${roots.shm}`,
      },
    ];
  }
  const findings: Finding[] = [];
  if (shm.type !== TMPFS_MAGIC)
    findings.push({
      code: 'SHM_NO_TMPFS',
      level: 'warning',
      message: `${roots.shm} is no tmpfs: the store's memory would be written to a disk, and survive a reboot half written.`,
      remedy: `Mount one: mount -t tmpfs -o mode=1777 tmpfs ${roots.shm}`,
    });
  const wanted = 2 * (storeBytes ?? 0);
  const total = shm.blocks * shm.bsize;
  const free = shm.bavail * shm.bsize + heldBytes;
  if (wanted > total)
    findings.push({
      code: 'SHM_SMALL',
      level: 'warning',
      message: `${roots.shm} holds ${showSize(total)}; a full store takes ${showSize(wanted)}, its backup included. It is refused with STORE_FULL before that.`,
      remedy: `docker run --shm-size=${showSize(wanted)}, or: mount -o remount,size=${wanted} ${roots.shm}; or lower store.sizeBytes`,
    });
  else if (wanted > free)
    findings.push({
      code: 'SHM_FULL',
      level: 'warning',
      message: `${showSize(free)} of ${roots.shm} are free; a full store takes ${showSize(wanted)}, its backup included.`,
      remedy: `See who holds the rest: ls -l ${roots.shm}; stores of mofo: npx mofo status`,
    });
  return findings;
}

/** Memory limits of the control groups this process is in, and of the machine. */
export function checkMemoryLimit({ roots, storeBytes }: Patient): Finding[] {
  const wanted = 2 * (storeBytes ?? 0);
  const limits = [...cgroupLimits(roots.proc, `${roots.sys}/fs/cgroup`), ...machineMemory(roots.proc)];
  const least = limits.sort((one, other) => one.bytes - other.bytes)[0];
  if (least === undefined || wanted <= least.bytes) return [];
  return [
    {
      code: 'MEMORY_SMALL',
      level: 'warning',
      message: `${least.what} is ${showSize(least.bytes)}; a full store takes ${showSize(wanted)}, its backup included, besides the processes. It is refused with OUT_OF_MEMORY before that.`,
      remedy: 'Raise the limit (docker run --memory, MemoryMax= of the unit), or lower store.sizeBytes',
    },
  ];
}

interface Limit {
  readonly what: string;
  readonly bytes: number;
}

function cgroupLimits(proc: string, cgroup: string): Limit[] {
  const own = /^0::(.*)$/m.exec(readText(`${proc}/self/cgroup`) ?? '')?.[1];
  if (own === undefined) return [];
  const limits: Limit[] = [];
  // Each level above has its say too; in a container what is seen is the top.
  for (let path = own === '/' ? '' : own; ; path = path.slice(0, path.lastIndexOf('/'))) {
    const text = readText(`${cgroup}${path}/memory.max`)?.trim();
    if (text !== undefined && /^\d+$/.test(text))
      limits.push({ what: `the memory limit of ${path === '' ? 'this container' : path}`, bytes: Number(text) });
    if (path === '') return limits;
  }
}

function machineMemory(proc: string): Limit[] {
  const kilobytes = /^MemTotal:\s+(\d+) kB$/m.exec(readText(`${proc}/meminfo`) ?? '')?.[1];
  return kilobytes === undefined ? [] : [{ what: "this machine's memory", bytes: Number(kilobytes) * 1024 }];
}
