// Settings of the system that take away what mofo relies on.

import type { Finding, Patient } from './finding.ts';
import { listNames, readText } from './read-text.ts';

/** Users below this are the system's, whose memory logind leaves alone. */
const ORDINARY_UID_MIN = 1000;

/** Each connection takes a descriptor in the launcher, in main and in the clone. */
const OPEN_FILES_MIN = 4096;

/** logind deletes a user's shared memory at that user's last logout, unless told otherwise. */
export function checkRemoveIpc({ roots, user }: Patient): Finding[] {
  if (user.uid < ORDINARY_UID_MIN || readText(`${roots.run}/systemd/users/${user.uid}`) === undefined) return [];
  if (readText(`${roots.varLib}/systemd/linger/${user.name}`) !== undefined) return [];
  const folders = [`${roots.usrLib}/systemd`, `${roots.run}/systemd`, `${roots.etc}/systemd`];
  const files = [
    ...folders.map((folder) => `${folder}/logind.conf`),
    ...folders.flatMap((folder) =>
      listNames(`${folder}/logind.conf.d`).map((name) => `${folder}/logind.conf.d/${name}`),
    ),
  ];
  // The last word counts.
  const said = files
    .map((file) => /^\s*RemoveIPC\s*=\s*(\w+)/im.exec(readText(file) ?? '')?.[1]?.toLowerCase())
    .filter((word) => word !== undefined)
    .at(-1);
  if (said === 'no' || said === 'false' || said === '0' || said === 'off') return [];
  return [
    {
      code: 'REMOVE_IPC',
      level: 'warning',
      message: `logind deletes the shared memory of ${user.name} at that user's last logout (RemoveIPC=${said ?? 'yes, by default'}): the store with it, while the program runs.`,
      remedy: `loginctl enable-linger ${user.name}, or RemoveIPC=no in /etc/systemd/logind.conf, or run as a system user`,
    },
  ];
}

/** How many files a process may open. */
export function checkOpenFiles({ roots }: Patient): Finding[] {
  const soft = /^Max open files\s+(\d+)/m.exec(readText(`${roots.proc}/self/limits`) ?? '')?.[1];
  if (soft === undefined || Number(soft) >= OPEN_FILES_MIN) return [];
  return [
    {
      code: 'OPEN_FILES_FEW',
      level: 'note',
      message: `a process may open ${soft} files; each connection takes one in the launcher, in main and in the clone. Beyond that connections wait.`,
      remedy: 'ulimit -n 65536, or LimitNOFILE=65536 of the unit',
    },
  ];
}

/** A clock that every look at which is a system call makes everything slower. */
export function checkClock({ roots }: Patient): Finding[] {
  const folder = `${roots.sys}/devices/system/clocksource/clocksource0`;
  const current = readText(`${folder}/current_clocksource`)?.trim();
  if (current === undefined || !/^(hpet|acpi_pm|jiffies|refined-jiffies|xen)$/.test(current)) return [];
  return [
    {
      code: 'CLOCK_SLOW',
      level: 'note',
      message: `the system's clock is ${current}: to look at it takes a system call, where tsc or kvm-clock take nanoseconds.`,
      remedy: `echo tsc > ${folder}/current_clocksource, if it is in available_clocksource`,
    },
  ];
}

/** Pages of 2 MiB, asked for with MADV_COLLAPSE. */
export function checkHugePages({ kernel }: Patient): Finding[] {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  if (major > 6 || (major === 6 && minor >= 1)) return [];
  return [
    {
      code: 'HUGE_PAGES_NONE',
      level: 'note',
      message: `Linux ${kernel} has no way of asking for huge pages in shared memory (6.1 has): random access to large stores is up to twice as slow.`,
      remedy: 'Use a newer kernel',
    },
  ];
}

/** Two containers that share /dev/shm but not their process numbers cannot share a store. */
export function checkPidNamespace({ roots }: Patient): Finding[] {
  const levels = /^NSpid:\s+(.*)$/m
    .exec(readText(`${roots.proc}/self/status`) ?? '')?.[1]
    ?.trim()
    .split(/\s+/).length;
  if (levels === undefined || levels < 2) return [];
  return [
    {
      code: 'PID_NAMESPACE',
      level: 'note',
      message:
        'this is a container with process numbers of its own: a store that is made here is refused to processes outside of it, also where /dev/shm is shared.',
      remedy:
        'Nothing, if all processes of the application run in this container; otherwise share the namespace too (docker run --pid)',
    },
  ];
}
