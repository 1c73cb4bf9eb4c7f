// What the doctor says.

/** Something of this machine that would hurt, with its remedy. */
export interface Finding {
  /** `SHM_SMALL`, `REMOVE_IPC`, …: stable, for programs. */
  readonly code: string;
  /** `warning`: data or the program may be lost by it; `note`: it is slower or less than it could be. */
  readonly level: 'warning' | 'note';
  /** What is so, and what follows from it. */
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}

/** Where the system tells about itself; parameters, so that tests can give files of their own. */
export interface SystemRoots {
  readonly proc: string;
  readonly sys: string;
  readonly etc: string;
  readonly run: string;
  readonly usrLib: string;
  readonly varLib: string;
  readonly shm: string;
}

/** The real ones. */
export const systemRoots: SystemRoots = {
  proc: '/proc',
  sys: '/sys',
  etc: '/etc',
  run: '/run',
  usrLib: '/usr/lib',
  varLib: '/var/lib',
  shm: '/dev/shm',
};

/** What is examined. */
export interface Patient {
  readonly roots: SystemRoots;
  /** The store's nominal size; undefined when no config was found. */
  readonly storeBytes: number | undefined;
  /** What the store holds in memory already, main and backup together. */
  readonly heldBytes: number;
  readonly user: { readonly uid: number; readonly name: string };
  /** Linux's release, as `os.release()` says it. */
  readonly kernel: string;
  readonly nodeVersion: string;
  readonly nodeFlags: readonly string[];
}
