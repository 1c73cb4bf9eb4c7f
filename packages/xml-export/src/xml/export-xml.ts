// An export: the catalog of types, then each root with everything it owns, then what was nested too deep, as one XML document in small pieces.

import { listRoots, type RootEntry, type View } from '@mofo/journal';
import { type CatalogEntry, type Memory, typeFromDescription } from '@mofo/shm-store';
import { isUnreadable } from '../check/check-store.ts';
import { rootPlace } from '../check/check-values.ts';
import { CHUNK_LENGTH, FINDING_COUNT_DEFAULT } from '../constants.ts';
import { type Finding, FindingList } from '../finding.ts';
import { type Moment, type StoreSource, takeMoment } from '../moment.ts';
import type { PathStep } from '../path.ts';
import { blockOfPlace, PlaceType, wordOfPlace } from '../place-type.ts';
import { refuseUnknownOptions, XmlExportError } from '../xml-export-error.ts';
import { escapeAttribute, isUnspeakable, withBackslashes } from './escape.ts';
import type { Frame } from './output.ts';
import { typeText } from './type-text.ts';
import { XmlWriter } from './xml-writer.ts';

/** Namespace of all elements. */
export const XML_NAMESPACE: string = 'urn:mofo:store:1';

/** Version of the format; a reader refuses any other. */
export const XML_FORMAT_VERSION: number = 1;

/** Options of {@link exportXml}. */
export interface ExportOptions {
  /** Findings kept in `findings`; all are counted. Default 10,000. */
  readonly findingCountMax?: number;
  /** Called for each finding when it is made. */
  readonly onFinding?: (finding: Finding) => void;
  /** Ends the export: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An export that is read as a stream of UTF-8: `pipeline(exportXml(store), createWriteStream(file))`, or `for await`. Can be read once. */
export interface XmlExport extends AsyncIterable<Buffer> {
  /** What could not be written as it should be; complete when the iteration has ended. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
}

/**
 * Exports a store as XML (mofo.xsd, SPEC.md): one coherent moment, every value bit by bit, refs checked. What is damaged stands in the document as
 * `<invalid code="…"/>` and is reported in `findings`; everything else is there.
 *
 * The moment is taken by this call, synchronously: a live store is copied under its write lock (0.3 s for each GiB in use; other writers wait that
 * long; needs that much private memory). The rest is done as the consumer reads, in pieces of about 64 KiB.
 *
 * @param source an open store (`Store`), or a view of an image or backup (`openView`, `openImage`)
 * @throws XmlExportError IN_TRANSACTION, STORE_UNREADABLE, UNKNOWN_OPTION; ShmStoreError when the write lock of a live store cannot be had
 * @example
 * await pipeline(exportXml(store), createWriteStream('bank.xml'));
 */
export function exportXml(source: StoreSource, options: ExportOptions = {}): XmlExport {
  refuseUnknownOptions('exportXml', options, ['findingCountMax', 'onFinding', 'signal']);
  options.signal?.throwIfAborted();
  const findings = new FindingList(options.findingCountMax ?? FINDING_COUNT_DEFAULT, options.onFinding);
  const moment = readableMoment(source);
  return {
    get findings(): readonly Finding[] {
      return findings.kept;
    },
    get findingCount(): number {
      return findings.count;
    },
    [Symbol.asyncIterator]: () => pieces(moment, findings, options.signal),
  };
}

function readableMoment(source: StoreSource): Moment {
  try {
    return takeMoment(source);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    throw new XmlExportError(
      'STORE_UNREADABLE',
      `The store's superblock makes no sense, so nothing was exported. Restore a snapshot. ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

async function* pieces(
  moment: Moment,
  findings: FindingList,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  const writer = new XmlWriter(moment.memory, findings);
  writer.push(new StoreFrame(moment.view));
  while (!writer.isDone) {
    writer.fill(CHUNK_LENGTH);
    const piece = Buffer.from(writer.out, 'utf8');
    writer.out = '';
    yield piece;
    // A consumer that never waits must not keep everything else from running.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
}

/** The document: head and catalog, one root after the other, one deferred part after the other, end. */
class StoreFrame implements Frame {
  place: PathStep | undefined;
  private readonly view: View;
  private roots: readonly RootEntry[] | undefined;
  private next = 0;
  private part = 0;
  private close = '';

  constructor(view: View) {
    this.view = view;
  }

  step(writer: XmlWriter): void {
    writer.out += this.close;
    this.close = '';
    this.place = undefined;
    if (this.roots === undefined) {
      this.writeHead(writer);
      this.roots = this.readRoots(writer);
      return;
    }
    const root = this.roots[this.next++];
    if (root !== undefined) {
      this.writeRoot(writer, root);
      return;
    }
    if (this.part === 0) writer.out += '</roots>\n';
    const deferred = writer.deferred[this.part++];
    if (deferred !== undefined) {
      this.place = deferred.path;
      writer.out += `<part id="d${this.part}">`;
      this.close = '</part>\n';
      deferred.plan.write(writer, deferred.block, deferred.word, '');
      return;
    }
    writer.out += '</store>\n';
    writer.pop();
  }

  private writeHead(writer: XmlWriter): void {
    const { catalog } = writer.memory;
    writer.out += `<?xml version="1.0" encoding="UTF-8"?>\n<store xmlns="${XML_NAMESPACE}" format="${XML_FORMAT_VERSION}" sizeBytes="${this.view.sizeBytes}">\n`;
    this.place = '(catalog)';
    let entries: readonly CatalogEntry[] = [];
    try {
      entries = catalog.entries().toReversed();
    } catch (error) {
      writer.report('CATALOG_INVALID', 0, error);
    }
    writer.out += `<types floor="${catalog.floor}">\n`;
    for (const entry of entries) {
      try {
        writer.out += `${layoutText(writer.memory, entry)}\n`;
      } catch (error) {
        writer.report('CATALOG_INVALID', entry.block, error);
      }
    }
    writer.out += '</types>\n<roots>\n';
  }

  private readRoots(writer: XmlWriter): readonly RootEntry[] {
    this.place = '(roots)';
    try {
      return listRoots(writer.memory).toReversed();
    } catch (error) {
      writer.report('ROOTS_INVALID', 0, error);
      return [];
    }
  }

  private writeRoot(writer: XmlWriter, { name, block, description }: RootEntry): void {
    this.place = name;
    const escaped = isUnspeakable(name);
    const attribute = escapeAttribute(escaped ? withBackslashes(name) : name);
    try {
      const type = typeFromDescription(description, writer.memory.catalog.kinds);
      const plan = writer.plans.planOf(description);
      const text = typeText(description);
      const place = rootPlace(this.view, name, new PlaceType(type, description));
      writer.out += `<root name="${attribute}"${escaped ? ' escaped="true"' : ''}><type>${text}</type>\n`;
      this.close = '</root>\n';
      plan.write(writer, blockOfPlace(place), wordOfPlace(place), '');
    } catch (error) {
      writer.report('ROOTS_INVALID', block, error);
    }
  }
}

function layoutText(memory: Memory, entry: CatalogEntry): string {
  // Throws for a layout whose types this program cannot read: better than types that no importer can make.
  memory.catalog.storedFields(entry);
  const fields = [...entry.fields.values()].map(({ name, description }) => typeText(description, name)).join('');
  const { name, version, layoutId } = entry;
  if (entry.kind === 'extension') return `<extension layout="${layoutId}" of="${entry.base}">${fields}</extension>`;
  return `<struct layout="${layoutId}" name="${name}" version="${version}">${fields}</struct>`;
}
