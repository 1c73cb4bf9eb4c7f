// Named shared-memory segments that outlive every process, with a crash-safe heap, typed records and robust locks.

export * from './connections.ts';
export { type Door, FRESH, FRESH_OUTSIDE, type Freshness, PUBLISHED } from './door.ts';
export { ShmStoreError, type ShmStoreErrorCode, type ShmStoreErrorOptions } from './errors.ts';
export { Heap, PAYLOAD_MAX_BYTES } from './heap/heap.ts';
export * from './layout.ts';
export type { Memory } from './memory.ts';
export type { NativeOpenOptions, NativeStore, StoreSegments, TrimReport } from './native-binding.ts';
export type { BackupReport, NativeBackup, RestoreSegmentsOptions } from './native-image.ts';
export type * from './native-waiting.ts';
export * from './open.ts';
export { openPrivateStore, PRIVATE_STORE_SIZE_MAX_BYTES } from './private-store.ts';
export * from './process.ts';
export { readSection } from './read-section.ts';
export { createRecord, freeRecord, newRecord, toPlain } from './records/create-record.ts';
export { isRecordLive, isSameRecord, openRecord, requirePlace } from './records/open-record.ts';
export { type PlainRecord, readAsPlain } from './records/read-as-plain.ts';
export type { RecordPlace } from './records/record-handle.ts';
export { type PlainFields, rewriteRecord } from './records/rewrite-record.ts';
export { listRegions, type NativeRegion, REGION_SIZE_MAX_BYTES, type RegionEntry, Regions } from './regions.ts';
export { restoreSegments } from './restore.ts';
export { i64, u64 } from './types/big-integers.ts';
export { BYTES_LENGTH_MAX, TEXT_LENGTH_MAX } from './types/blob.ts';
export { bytes, json, text } from './types/blob-type.ts';
export { CATALOG_ENTRY_COUNT_MAX, Catalog, type CatalogOptions, raiseFloor, type TypedField } from './types/catalog.ts';
export type { CatalogEntry, StoredField } from './types/catalog-entry.ts';
export { declaredStructs } from './types/declared-structs.ts';
export { layoutKey } from './types/description.ts';
export type {
  FieldType,
  InputOf,
  JsonValue,
  OutputOf,
  RequiredFieldType,
  ScalarValue,
  TypeDescription,
  Visitor,
} from './types/field-type.ts';
export { boolean, f32, f64, i8, i16, i32, timestamp, u8, u16, u32 } from './types/numbers.ts';
export { oneOf } from './types/one-of.ts';
export { optional } from './types/optional.ts';
export { elementType, record } from './types/record-link.ts';
export { isDangling, ref } from './types/ref.ts';
export { type StructOptions, struct } from './types/struct.ts';
export type { Fields, RecordInput, RecordOf, RecordType, StructType } from './types/struct-type.ts';
export {
  type BlockKind,
  extendKinds,
  standardKinds,
  type TypeKinds,
  type TypeMaker,
  typeFromDescription,
} from './types/type-kinds.ts';
export { visitBlock } from './types/visit-block.ts';
export { withDefault } from './types/with-default.ts';
export { readWord, writeWord } from './types/words.ts';
