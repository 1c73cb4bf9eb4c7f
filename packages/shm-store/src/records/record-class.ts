// Makes the class of a shape: one prototype accessor a field.

import { findExtension } from './extension.ts';
import { type FieldAccessor, RecordHandle, type RecordPlace } from './record-handle.ts';
import type { RecordClass, RecordShape, ShapedField } from './record-shape.ts';

const shapes = new WeakMap<object, RecordShape>();
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Completes a shape with its record class. */
export function makeShape(shape: Omit<RecordShape, 'record'>): RecordShape {
  const record = class extends RecordHandle {} as RecordClass;
  const complete: RecordShape = { ...shape, record };
  const { prototype } = record;
  Object.defineProperty(record, 'name', { value: shape.name });
  for (const field of shape.fields) {
    Object.defineProperty(prototype, field.name, {
      ...accessorOf(shape.name, field),
      enumerable: true,
      configurable: false,
    });
  }
  Object.defineProperty(prototype, 'toJSON', { value: recordToJson, writable: true, configurable: true });
  Object.defineProperty(prototype, INSPECT, { value: inspectRecord, writable: true, configurable: true });
  shapes.set(prototype, complete);
  return complete;
}

/** The shape of a record. */
export function shapeOf(record: RecordHandle): RecordShape {
  return shapes.get(Object.getPrototypeOf(record) as object) as RecordShape;
}

function accessorOf(name: string, { name: fieldName, type, place }: ShapedField): FieldAccessor {
  const path = `${name}.${fieldName}`;
  if (place.where === 'extension') return RecordHandle.extensionField(path, type, place.extension, place.word);
  if (place.where === 'absent') return RecordHandle.absentField(path, type);
  if (place.where === 'changed') return RecordHandle.changedField(path);
  return type.kind === 'f64' ? RecordHandle.double(path, place.word) : RecordHandle.field(path, type, place.word);
}

/** Plain JSON: bigint as decimal text, bytes as base64, a ref as what it points to; structs inside are spelled out. */
function recordToJson(this: RecordHandle): Record<string, unknown> {
  const shape = shapeOf(this);
  return RecordHandle.readSection(this, shape.name, () => {
    const plain: Record<string, unknown> = {};
    for (const field of shape.fields) plain[field.name] = jsonValue(readForJson(this, shape, field));
    return plain;
  });
}

/** A field's value as JSON shows it: a ref as what it points to, because following refs could lead in a circle. */
function readForJson(record: RecordHandle, shape: RecordShape, field: ShapedField): unknown {
  const { name, type, place } = field;
  const { readJson } = type;
  if (readJson === undefined || (place.where !== 'record' && place.where !== 'extension')) {
    return (record as unknown as Record<string, unknown>)[name];
  }
  const { memory, base } = RecordHandle.placeOf(record) as RecordPlace;
  return RecordHandle.readSection(record, `${shape.name}.${name}`, (block) => {
    if (place.where === 'record') return readJson.call(type, memory, block, base + place.word);
    const extension = findExtension(memory, block, place.extension);
    return extension === 0 ? undefined : readJson.call(type, memory, extension, place.word);
  });
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
  return value;
}

function inspectRecord(this: RecordHandle): Record<string, unknown> | string {
  const shape = shapes.get(Object.getPrototypeOf(this) as object);
  if (shape === undefined || RecordHandle.placeOf(this) === undefined) return 'record class';
  const shown: Record<string, unknown> = {};
  for (const field of shape.fields) {
    try {
      shown[field.name] = readForJson(this, shape, field);
    } catch (error) {
      shown[field.name] = error;
    }
  }
  return shown;
}
