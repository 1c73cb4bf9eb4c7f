// What `import … from 'mofo'` gives: everything that a module's author and a config's author write with.

export {
  boolean,
  bytes,
  counter,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  isDangling,
  JournalError,
  json,
  list,
  oneOf,
  optional,
  queue,
  record,
  ref,
  ShmStoreError,
  struct,
  text,
  timestamp,
  toPlain,
  tree,
  tuple,
  u8,
  u16,
  u32,
  u64,
  withDefault,
} from '@mofo/journal';
// Not by way of `config/index.ts`: what loads configs loads the bundler, which neither modules nor the processes that run them need.
export { type Config, type ConfigInput, defineConfig } from './config/config.ts';
export * from './define/index.ts';
export { MofoError, type MofoErrorCode } from './errors.ts';
