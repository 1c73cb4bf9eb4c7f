// A module's record as bytes, format 1:
//
//   {"magic":"mofo-versions","format":1,"bodyBytes":1234,"sha256":"…64 hex digits…"}\n
//   {"module":"fees","generation":17,"versions":[…]}\n
//
// One line says what the file is and what the body must weigh and hash to, the next is the body. Both are JSON so that a person can
// read them; nobody should edit them, for the checksum would refuse it. A file is never changed in place (module-store.ts), so
// a reader sees a whole one; the checksum is against disks and editors. An unknown format is refused before the body is looked at.

import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { VersionState } from './state-machine.ts';
import { versionEvents, versionStates } from './state-machine.ts';
import type { CrashReport, HistoryEntry } from './version.ts';
import { VersionsError } from './versions-error.ts';

const magic = 'mofo-versions';
const format = 1;

/** One version as it is stored. */
export interface VersionRecord {
  hash: string;
  id: string;
  bundler: string;
  sizeBytes: number;
  source: string;
  note?: string;
  addedAt: number;
  state: VersionState;
  triesLeft: number;
  triesSpent: number;
  /** Who spent the tries that have not been given back, oldest first; absent: nobody. With `triesLeft` never more than the tries that it was given. */
  openTries?: string[];
  /** When it last became stable; both are absent if it never did or was quarantined since. */
  stableAt?: number;
  /** Generation at which it last became stable: the order in which a revert goes back, immune to clocks. */
  stableGeneration?: number;
  /** True once quarantined, until retried: what a purged version is remembered for. */
  wasUnstable: boolean;
  crashes: CrashReport[];
  history: StoredHistoryEntry[];
  /** Entries dropped after the first one to keep the history bounded. */
  historyDroppedCount: number;
}

/** One transition as it is stored: `from` is absent where the version began. */
export type StoredHistoryEntry = Omit<HistoryEntry, 'from'> & { from?: VersionState };

/** All that is stored about one module. Generation 0 is the module that has no file yet. */
export interface ModuleRecord {
  module: string;
  generation: number;
  versions: VersionRecord[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const time = v.number();
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const state = v.picklist(versionStates);

const headerSchema = v.looseObject({ magic: v.literal(magic), format: v.number() });
const header1Schema = v.strictObject({
  magic: v.literal(magic),
  format: v.literal(format),
  bodyBytes: count,
  sha256: hash,
});

const versionSchema: v.GenericSchema<unknown, VersionRecord> = v.strictObject({
  hash,
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{6,64}$/)),
  bundler: v.string(),
  sizeBytes: count,
  source: v.string(),
  note: v.exactOptional(v.string()),
  addedAt: time,
  state,
  triesLeft: count,
  triesSpent: count,
  openTries: v.exactOptional(v.array(v.string())),
  stableAt: v.exactOptional(time),
  stableGeneration: v.exactOptional(count),
  wasUnstable: v.boolean(),
  crashes: v.array(
    v.strictObject({ reason: v.string(), at: time, by: v.string(), stack: v.exactOptional(v.string()) }),
  ),
  history: v.array(
    v.strictObject({
      from: v.exactOptional(state),
      to: state,
      event: v.picklist([...versionEvents, 'add' as const]),
      reason: v.string(),
      at: time,
      by: v.string(),
      generation: count,
    }),
  ),
  historyDroppedCount: count,
});

const bodySchema: v.GenericSchema<unknown, ModuleRecord> = v.strictObject({
  module: v.string(),
  generation: v.pipe(count, v.minValue(1)),
  versions: v.array(versionSchema),
});

/** The bytes of a record. */
export function encodeRecord(record: ModuleRecord): Uint8Array {
  const body = Buffer.from(`${JSON.stringify(record)}\n`);
  const header = { magic, format, bodyBytes: body.byteLength, sha256: sha256(body) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
}

/**
 * The record in `bytes`, which were read from `path` and must be about `module`. Nothing in it is trusted before it is checked.
 *
 * @throws VersionsError FORMAT_UNKNOWN: written by a newer release, or by something else; REGISTRY_CORRUPT: torn or changed.
 */
export function decodeRecord(bytes: Uint8Array, module: string, path: string): ModuleRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const newline = buffer.indexOf(0x0a);
  const header = v.safeParse(headerSchema, parseJson(newline < 0 ? '' : buffer.toString('utf8', 0, newline)));
  if (!header.success) throw corrupt(path, 'its first line is not the header of a versions record');
  if (header.output.format !== format) {
    const message =
      `${path} has format ${header.output.format}; this release of @mofo/versions knows format ${format}. ` +
      'Nothing was read or changed. Use the release that wrote it, or a newer one.';
    throw new VersionsError('FORMAT_UNKNOWN', message, { module, path });
  }
  const header1 = v.safeParse(header1Schema, header.output);
  if (!header1.success) throw corrupt(path, v.summarize(header1.issues));
  const body = buffer.subarray(newline + 1);
  if (body.byteLength !== header1.output.bodyBytes) {
    throw corrupt(path, `${header1.output.bodyBytes} bytes should follow the first line, ${body.byteLength} do`);
  }
  if (sha256(body) !== header1.output.sha256) throw corrupt(path, 'its checksum is wrong');
  const record = v.safeParse(bodySchema, parseJson(body.toString('utf8')));
  if (!record.success) throw corrupt(path, v.summarize(record.issues));
  requireConsistent(record.output, module, path);
  return record.output;
}

/** What the schema cannot say: the invariants between the parts of a record (I1, I2 and I3 of SPEC.md). */
function requireConsistent(record: ModuleRecord, module: string, path: string): void {
  if (record.module !== module) throw corrupt(path, `it is about module "${record.module}", not "${module}"`);
  const hashes = new Set<string>();
  const ids = new Set<string>();
  let stableCount = 0;
  for (const version of record.versions) {
    if (!version.hash.startsWith(version.id))
      throw corrupt(path, `id ${version.id} does not begin hash ${version.hash}`);
    hashes.add(version.hash);
    ids.add(version.id);
    stableCount += version.state === 'stable' ? 1 : 0;
    if (version.stableGeneration !== undefined && version.state === 'unstable') {
      throw corrupt(path, `${version.id} is unstable and counted as formerly stable at once`);
    }
  }
  if (hashes.size !== record.versions.length) throw corrupt(path, 'a version is listed twice');
  if (ids.size !== record.versions.length) throw corrupt(path, 'two versions share a short id');
  if (stableCount > 1) throw corrupt(path, `${stableCount} versions are stable at once`);
}

/** The error for a record that cannot be believed. */
export function corrupt(path: string, what: string): VersionsError {
  const message =
    `${path} is corrupt: ${what}. Nothing was changed. The generation before is kept in ${path}.bak: stop every process ` +
    `that uses the registry and copy it over ${path} (the last change is lost with that: one transition, or one spent try).`;
  return new VersionsError('REGISTRY_CORRUPT', message, { path });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The value, or undefined, which no schema here accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
