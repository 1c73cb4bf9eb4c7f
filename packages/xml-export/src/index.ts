// Streams a shared-memory store or its image as XML with a published XSD, checking every block and reference.

export { type CheckOptions, type CheckReport, checkStore } from './check/check-store.ts';
export type { Finding, FindingCode } from './finding.ts';
export type { StoreSource } from './moment.ts';
export { type ExportOptions, exportXml, XML_FORMAT_VERSION, XML_NAMESPACE, type XmlExport } from './xml/export-xml.ts';
export { XmlExportError, type XmlExportErrorCode } from './xml-export-error.ts';
