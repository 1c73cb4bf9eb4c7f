// The lock between processes: a claim to write one particular generation of a module's record.
//
//   record.jsonl   generation 17, the newest; replaced by rename(2)
//   claim-18.1 -> "host,boot,namespace,pid,tid,start"     (symbolic link: made and signed in one system call)
//   claim-18.2 -> ...                                     only if the owner of claim-18.1 was found dead
//
// Node has no flock or fcntl lock, and a lock file has two old faults: a dead owner's file stays, and the one who removes it may
// remove the file of the next owner, who was quicker. Here nobody ever removes another's claim that could still count:
//
// - A claim is valid if, after it was made, (a) each lower claim of that generation is still there and its owner dead, and (b) the
//   record still has the generation before. Else it is void: its maker removes it and begins anew.
// - A claim is removed by its own maker (release), or by anyone once the record has reached its generation.
//
// Two valid claims at once for generation g are impossible. Same number: symlink(2) is exclusive, and the first could only have
// been removed by its living maker (then it is released) or after the record reached g (then (b) voids the second: generations
// never go back). Numbers j < k: at (a) the owner of j was dead and his claim there. A dead thread removes nothing, the record is
// not at g by (b), so that claim stays and nobody can make a new j until generation g is written. Had j's owner released and died
// between the look at j and the making of k, and another taken j, (a) sees a living owner or nothing, and k is void.
// And the owner of j, being dead, cannot rename any more: his last system call was over before he was found dead.
//
// So a kill at any instruction leaves either nothing, or a claim that the next one steps over. There is no time-out that takes
// a lock away from someone alive (a stopped process would write after it woke up: rule R7). A living owner is waited for, up
// to a limit, in slices.

import { claimDepthMax } from './constants.ts';
import type { FileSystem } from './file-system.ts';
import { removeIfThere } from './file-system.ts';
import { livenessOf, ownIdentity } from './thread-identity.ts';
import { systemCode, VersionsError } from './versions-error.ts';

/** What became of an attempt to claim a generation. */
export type ClaimAttempt =
  | { readonly kind: 'held'; readonly path: string }
  /** The record has moved on: read it again. */
  | { readonly kind: 'moved' }
  /** Somebody else holds it; `holder` is his identity, `path` his claim. */
  | { readonly kind: 'busy'; readonly holder: string; readonly path: string };

const claimName = /^claim-(\d+)\.(\d+)$/;

/**
 * Tries once to claim the generation after `generation` in `directory`. `currentGeneration` reads the record anew. Does not wait.
 * The caller releases a held claim by removing its path, whether or not it has written the generation. It may be gone already:
 * whoever sees the record reach that generation may sweep it.
 */
export function tryClaim(
  fileSystem: FileSystem,
  directory: string,
  generation: number,
  currentGeneration: () => number,
): ClaimAttempt {
  const pathOf = (number: number): string => `${directory}/claim-${generation + 1}.${number}`;
  const dead: string[] = [];
  for (let number = 1; number <= claimDepthMax; number += 1) {
    const path = pathOf(number);
    if (makeClaim(fileSystem, path)) {
      const chainHolds = dead.every((identity, index) => readClaim(fileSystem, pathOf(index + 1)) === identity);
      if (chainHolds && currentGeneration() === generation) return { kind: 'held', path };
      removeIfThere(fileSystem, path);
      return { kind: 'moved' };
    }
    const holder = readClaim(fileSystem, path);
    if (holder === undefined) return { kind: 'moved' };
    const liveness = livenessOf(holder);
    // `self`: nothing is held across calls, so an own claim is one that an earlier call could not remove (stack overflow).
    if (liveness !== 'dead' && liveness !== 'self') return { kind: 'busy', holder, path };
    dead.push(holder);
  }
  const message =
    `${claimDepthMax} processes died while changing generation ${generation} in ${directory}. ` +
    'Nothing was changed. Find out what kills them, then remove the claim-* files there while no process uses the registry.';
  throw new VersionsError('LOCK_TIMEOUT', message, { path: directory });
}

/** True if `name` is a claim that can never count again because the record has reached `generation`. */
export function isSpentClaim(name: string, generation: number): boolean {
  const match = claimName.exec(name);
  return match !== null && Number(match[1]) <= generation;
}

function makeClaim(fileSystem: FileSystem, path: string): boolean {
  try {
    fileSystem.symlink(ownIdentity(), path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function readClaim(fileSystem: FileSystem, path: string): string | undefined {
  try {
    return fileSystem.readlink(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
