// Stack traces that show the TypeScript that people wrote. Each loaded bundle registers its map under its script's name;
// one hook on Error.prepareStackTrace rewrites the frames of these scripts and leaves all others as they are. A map is
// parsed when a stack first needs it, and dropped when the script's module is collected.

import { SourceMap } from 'node:module';
import { resolve } from 'node:path';

interface RegisteredMap {
  readonly directory: string;
  /** The map as it stands in the bundle: base64 of JSON. */
  readonly encoded: string;
  parsed?: SourceMap;
}

const maps = new Map<string, RegisteredMap>();
/** Which of our scripts made an error, by the topmost frame that is one's: the mapped stack names sources, which all versions of a module share. */
const makers = new WeakMap<Error, string>();
const forgotten = new FinalizationRegistry<string>((scriptName) => maps.delete(scriptName));
const mapComment = /\n\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/;

/** Splits a bundle into its code and its map, both as texts; the map is undefined if it has none. */
export function splitBundle(bundle: string): { readonly code: string; readonly encodedMap: string | undefined } {
  const match = mapComment.exec(bundle.slice(Math.max(0, bundle.lastIndexOf('\n//# sourceMappingURL='))));
  if (match === null) return { code: bundle, encodedMap: undefined };
  return { code: bundle.slice(0, bundle.lastIndexOf('\n//# sourceMappingURL=') + 1), encodedMap: match[1] };
}

/** Maps the frames of a script until `owner` is collected. Installs the hook at the first call. */
export function mapStacksOf(scriptName: string, encodedMap: string, directory: string, owner: object): void {
  installHook();
  maps.set(scriptName, { directory, encoded: encodedMap });
  forgotten.register(owner, scriptName);
}

/** Name of the bundle's script in which an error arose, or whose call led to it; undefined if none had a part in it. */
export function scriptBehind(error: Error): string | undefined {
  // It is made when it is first looked at.
  void error.stack;
  return makers.get(error);
}

/** How many scripts have a map now; for tests that prove that they are dropped. */
export function mappedScriptCount(): number {
  return maps.size;
}

type PrepareStackTrace = (error: Error, frames: NodeJS.CallSite[]) => unknown;

let isInstalled = false;

function installHook(): void {
  if (isInstalled) return;
  isInstalled = true;
  const previous: PrepareStackTrace | undefined = Error.prepareStackTrace;
  Error.prepareStackTrace = (error, frames) => {
    const ours = frames.find((frame) => maps.has(frame.getFileName() ?? ''))?.getFileName();
    if (ours === undefined || ours === null) {
      if (previous !== undefined) return previous(error, frames);
    } else makers.set(error, ours);
    return `${headline(error)}${frames.map((frame) => `\n    at ${mappedFrame(frame)}`).join('')}`;
  };
}

function headline(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error'; // Its name or message throws when read; V8 does the same.
  }
}

function mappedFrame(frame: NodeJS.CallSite): string {
  const text = String(frame);
  const scriptName = frame.getFileName();
  const map = typeof scriptName === 'string' ? maps.get(scriptName) : undefined;
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  if (map === undefined || line === null || column === null) return text;
  map.parsed ??= new SourceMap(JSON.parse(Buffer.from(map.encoded, 'base64').toString('utf8')));
  const entry = map.parsed.findEntry(line - 1, column - 1);
  if (!('originalSource' in entry) || entry.originalSource === undefined) return text;
  const source = resolve(map.directory, entry.originalSource);
  return text.replace(
    `${scriptName}:${line}:${column}`,
    `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`,
  );
}
