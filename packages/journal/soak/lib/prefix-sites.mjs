// Which store sites of the shipped sources there are, and which of them were never the last store of a tried state. Every site must be one, or be on the list of those
// that cannot reach a segment, each with a reason; an entry of that list that no longer fits anything, or whose site did store into a segment, is a
// failure too.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../../../shm-store/native', import.meta.url));

/** JavaScript sites by file and by the text of what they store into (any, if absent). */
const PRIVATE_SITES = [
  { file: 'shm-store/private-store.js', why: 'a store in private memory: its bytes die with the process' },
  { file: 'shm-store/superblock.js', why: 'formats a store in private memory; shared ones are formatted in C++' },
  { file: 'shm-store/heap/size-class.js', targets: ['table'], why: 'a constant table' },
  { file: 'shm-store/records/record-class.js', targets: ['plain', 'shown'], why: 'plain objects of JavaScript' },
  { file: 'shm-store/records/rewrite-record.js', targets: ['plain'], why: 'plain objects of JavaScript' },
  { file: 'shm-store/types/split-fields.js', targets: ['[...fields]'], why: 'an Array' },
  { file: 'shm-store/types/catalog.js', targets: ['fields', 'this.structs'], why: 'plain objects of JavaScript' },
  { file: 'shm-store/types/compile-shape.js', targets: ['taken'], why: 'marks of one computation' },
  { file: 'shm-store/types/pack-fields.js', targets: ['taken'], why: 'marks of one computation' },
  {
    file: 'shm-store/types/numbers.js',
    targets: ['singleFloat', 'singleFloatBits'],
    why: 'converts between float and bits',
  },
  { file: 'journal/redo/image-index.js', why: 'the hash table over the journal is private' },
  { file: 'journal/redo/saved-granules.js', why: 'the table of what is saved already is private' },
  { file: 'journal/store.js', targets: ['found'], why: 'a Map' },
  { file: 'journal/tree/cursor.js', why: 'the path of an iteration is private' },
  { file: 'journal/tree/escaped-bytes.js', why: 'encodes and decodes a key in private memory' },
  { file: 'journal/tree/key-buffer.js', why: 'a key that is searched lies in private memory' },
  { file: 'journal/tree/number-codec.js', why: 'encodes and decodes a key in private memory' },
  { file: 'journal/tree/leaf.js', targets: ['target.words'], why: 'copies a key out of a leaf' },
  { file: 'journal/tree/bucket.js', targets: ['target.words'], why: 'copies a key out of a slot' },
  {
    file: 'journal/tree/node.js',
    targets: ['target'],
    why: 'copies the links of a node',
  },
  { file: 'journal/tree/small-node.js', targets: ['packed'], why: 'the words of a node while they are put together' },
  {
    file: 'journal/tree/reshape.js',
    targets: ['links', 'entryNibbles', 'nibbleCounts'],
    why: 'the links of a node that is changed, and the branches of the entries of a bucket that is split',
  },
  { file: 'journal/tree/sort-slots.js', why: 'the order of a bucket is private' },
  {
    file: 'journal/tree/descend.js',
    targets: ['nodes', 'depths', 'nibbles'],
    why: 'the path of one operation is private',
  },
  { file: 'journal/tree/insert-entry.js', targets: ['copied'], why: 'a value on its way' },
  { file: 'journal/tree/entry-batch.js', why: 'what an iteration has read ahead is private' },
  { file: 'journal/tree/tree.js', targets: ['this'], why: 'methods of that name' },
];

/**
 * C++ units whose every store is cut by shm-store's own native tests (scripts/native-test.mjs counts them); trim.cc, which changes the segments' size and so
 * has no bytes to go back to, is killed at each of its steps by test/trim.test.ts.
 */
const TESTED_IN_CPP = [
  'backup.cc',
  'guard.cc',
  'lock.cc',
  'recovery.cc',
  'role-watcher.cc',
  'role.cc',
  'transaction.cc',
  'trim.cc',
  'wait.cc',
];

/**
 * @param names JavaScript sites by number, "file:line:column target"
 * @param uses what each did while recording (store-hook.mjs)
 * @param cuts { script: { number: count }, native: { "file:line": count } }
 * @returns { tried, missing }: number of sites, and those to complain about
 */
export function judgeSites(names, uses, cuts) {
  const missing = [];
  let tried = 0;
  const used = new Set();
  names.forEach((name, number) => {
    const [place, target] = [name.slice(0, name.indexOf(' ')), name.slice(name.indexOf(' ') + 1)];
    const file = place.replace(/:\d+:\d+$/, '');
    const entry = PRIVATE_SITES.find((one) => one.file === file && (one.targets?.includes(target) ?? true));
    if (entry !== undefined) used.add(entry);
    // Only ever called on maps, handles and other objects.
    if (uses[number] === 4) return;
    if (entry !== undefined) {
      if ((uses[number] & 1) !== 0)
        missing.push(`${name} stored into a segment, though it is listed as private: ${entry.why}`);
      return;
    }
    tried++;
    if ((cuts.script[number] ?? 0) === 0) missing.push(`${name} was never cut`);
  });
  for (const entry of PRIVATE_SITES)
    if (!used.has(entry))
      missing.push(`no site fits the entry ${entry.file} ${entry.targets ?? ''} of the list of private sites`);
  for (const site of nativeSites()) {
    tried++;
    const unit = site.replace(/:\d+$/, '');
    if (!TESTED_IN_CPP.includes(unit) && (cuts.native[site] ?? 0) === 0) missing.push(`${site} was never cut`);
  }
  return { tried, missing };
}

/** "file:line" of every call of a store function in the addon's sources; planted bugs left out. */
function nativeSites() {
  const sites = [];
  for (const unit of readdirSync(native).filter((name) => name.endsWith('.cc'))) {
    let isPlant = false;
    const lines = readFileSync(`${native}/${unit}`, 'utf8').split('\n');
    lines.forEach((line, index) => {
      if (line.startsWith('#ifdef MOFO_PLANT')) isPlant = true;
      if (line.startsWith('#endif')) isPlant = false;
      const isStore = /\b(storeByte|storeWord|storeDouble|addWord|swapWord|copyGranules)\(/.test(
        line.replace(/\/\/.*/, ''),
      );
      if (isStore && !isPlant) sites.push(`${unit}:${index + 1}`);
    });
  }
  return sites;
}
