// Writes src/layout.ts and native/layout.h from layout.json, the one source of both; `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const root = new URL('..', import.meta.url);
const table = JSON.parse(readFileSync(new URL('layout.json', root), 'utf8'));
const entries = table.groups.flatMap((group) => group.entries);
const names = new Set(entries.map(([name]) => name));
if (names.size !== entries.length) throw new Error('layout.json: a name stands twice');

const hashInput = JSON.stringify([entries.map(([name, value]) => [name, value]), table.sizeClassesBytes]);
const hash = crc32(hashInput);

const warning = 'Generated from layout.json by scripts/generate-layout.mjs. Do not edit.';
const ts = [`// ${warning}`, ''];
const cc = [`// ${warning}`, '#pragma once', '#include <cstdint>', '', 'namespace mofo::layout {', ''];
for (const group of table.groups) {
  ts.push(`// ${group.about}`);
  cc.push(`// ${group.about}`);
  for (const [name, value, about] of group.entries) {
    ts.push(`/** ${about} */`, `export const ${name}: ${value} = ${value};`);
    cc.push(`constexpr uint64_t ${name} = ${value}ull;  // ${about}`);
  }
  ts.push('');
  cc.push('');
}
ts.push(
  '/** Hash of the whole table; stored in main and control, and compared when a store is opened. */',
  `export const LAYOUT_HASH: ${hash} = ${hash};`,
  '',
);
ts.push(
  '/** Block sizes of the size classes in bytes, header included. */',
  `export const SIZE_CLASSES_BYTES: readonly number[] = [\n  ${table.sizeClassesBytes.join(', ')},\n];`,
  '',
);
cc.push(
  `constexpr uint32_t LAYOUT_HASH = ${hash}u;`,
  `constexpr uint32_t SIZE_CLASSES_BYTES[] = {${table.sizeClassesBytes.join(', ')}};`,
  '',
  '}  // namespace mofo::layout',
  '',
);

for (const [file, lines] of [
  ['src/layout.ts', ts],
  ['native/layout.h', cc],
]) {
  const url = new URL(file, root);
  const text = lines.join('\n');
  if (!process.argv.includes('--check')) writeFileSync(url, text);
  else if (readFileSync(url, 'utf8') !== text)
    throw new Error(`${file} does not match layout.json: run node scripts/generate-layout.mjs`);
}
