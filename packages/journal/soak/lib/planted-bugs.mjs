// Bugs that are planted in copies of the packages, one at a time, and what must find each. Every patch must apply: one that does not fails loudly, and is then to be
// written anew against the code as it is.

const DOOR = 'journal/dist/redo/redo-door.js';
const TRANSACTION = 'journal/dist/transaction.js';
const HEAP = 'shm-store/dist/heap/heap.js';
const RECOVERY = 'shm-store/native/recovery.cc';

/** Replaces a method of the door; `old` is the shipped one. */
const doorMethod = (name, code) => ({
  file: DOOR,
  append: `
{
  const old = RedoDoor.prototype.${name};
  if (typeof old !== 'function') throw new Error('the patch no longer applies: a door has no ${name}');
  RedoDoor.prototype.${name} = ${code};
}
`,
});

/** Finders: the soak that must fail on the copy, with its arguments. */
export const FINDERS = {
  prefix: ['store-prefix', '--quick'],
  model: ['model', '--quick', '--count', '150'],
  kills: ['kills', '--quick', '--only', 'killed-processes'],
  workers: ['kills', '--quick', '--only', 'terminated-workers'],
  stacks: ['kills', '--quick', '--only', 'stack-overflows'],
  bytes: ['hostile-memory', '--quick', '--only', 'private'],
  slots: ['hostile-memory', '--count', '20000', '--only', 'slots'],
};

export const PLANTED_BUGS = {
  'a word of an image is dropped': {
    finder: 'model',
    patches: [
      doorMethod(
        'ownImage',
        `function (chunk, granules) {
    const top = this.journalTop;
    const index = old.call(this, chunk, granules);
    if (this.journalTop !== top) this.journalWords[this.journalTop - 1] = 0;
    return index;
  }`,
      ),
    ],
  },
  'the mark is cleared before playback': {
    finder: 'prefix',
    patches: [
      {
        file: RECOVERY,
        search: '  const Guard guard(view);\n  const uint8_t* journal',
        replacement: '  storeDouble(own.mark, 0);\n  const Guard guard(view);\n  const uint8_t* journal',
      },
    ],
  },
  'the mark is cleared before the undo count': {
    finder: 'prefix',
    patches: [
      {
        file: RECOVERY,
        search: '  storeWord(own.undoCount, 0);\n  storeDouble(own.mark, 0);',
        replacement: '  storeDouble(own.mark, 0);\n  storeWord(own.undoCount, 0);',
      },
    ],
  },
  'the mark is set before the journal has its length': {
    finder: 'prefix',
    patches: [
      {
        file: 'shm-store/native/transaction.cc',
        search: '    storeWord(view.slotAt<uint32_t>(slot, layout::SLOT_JOURNAL_WORDS), journalWords);\n',
        replacement: '',
      },
      {
        file: 'shm-store/native/transaction.cc',
        search: '    rung = playMarked(',
        replacement:
          '    storeWord(view.slotAt<uint32_t>(slot, layout::SLOT_JOURNAL_WORDS), journalWords);\n    rung = playMarked(',
      },
    ],
  },
  'the sequence is not raised': {
    finder: 'prefix',
    patches: [
      {
        file: RECOVERY,
        search: 'if ((loadWord(sequence) & 1) == 0) storeWord(sequence, loadWord(sequence) + 1);\n  storeFence();',
        replacement: '',
      },
    ],
  },
  'playback goes past the page guard': {
    finder: 'prefix',
    patches: [{ file: RECOVERY, search: '    guard.granules(entry.granule, entry.count);', replacement: '' }],
  },
  'an overwrite goes past the page guard': {
    finder: 'prefix',
    patches: [
      doorMethod(
        'overwrite',
        `function (granule) {
    const { pageStates } = this;
    this.pageStates = new Uint8Array(pageStates.length).fill(this.dirtyMark);
    try {
      return old.call(this, granule);
    } finally {
      this.pageStates = pageStates;
    }
  }`,
      ),
    ],
  },
  'an undo entry is written after the overwrite': {
    finder: 'prefix',
    patches: [
      doorMethod(
        'overwrite',
        `function (granule) {
    this.late?.();
    const count = this.undoCount;
    const index = old.call(this, granule);
    const entry = this.undoWords.slice(count * 8, count * 8 + 8);
    const { undoWords } = this;
    undoWords.fill(0, count * 8, count * 8 + 8);
    this.late = () => {
      this.late = undefined;
      undoWords.set(entry, count * 8);
    };
    return index;
  }`,
      ),
    ],
  },
  'an allocator header is missing from the undo list': {
    finder: 'prefix',
    patches: [
      doorMethod(
        'overwrite',
        `function (granule) {
    if (granule < this.heapFirst) return old.call(this, granule);
    this.guardBlock(granule, 1);
    return this.showMain(granule);
  }`,
      ),
    ],
  },
  'published blocks are written in place': {
    finder: 'prefix',
    patches: [
      doorMethod(
        'own',
        `function (block, chunk, granules) {
    this.guardBlock(block, granules + 1);
    return this.showMain(chunk);
  }`,
      ),
    ],
  },
  'a free takes effect before the commit': {
    finder: 'prefix',
    patches: [doorMethod('isFreshAtLevel', 'function () { return old !== undefined; }')],
  },
  'the birth stamp is not cleared by a free': {
    finder: 'prefix',
    patches: [
      {
        file: 'shm-store/dist/heap/block-header.js',
        search: '    words[i] = 0;\n    words[i + 1] = 0;\n    words[i + 2] = next;',
        replacement: '    words[i] = 0;\n    words[i + 2] = next;',
      },
    ],
  },
  'a savepoint forgets blocks that an outer level made': {
    finder: 'model',
    patches: [
      {
        file: 'journal/dist/redo/savepoint-log.js',
        search: '        this.saved.push({ chunk, words, index,',
        replacement: '        if (words.length !== 0) return;\n        this.saved.push({ chunk, words, index,',
      },
    ],
  },
  'a savepoint keeps the images of a level that failed': {
    finder: 'model',
    patches: [doorMethod('dropImagesFrom', 'function () {}')],
  },
  'frees of a level that failed are kept': {
    finder: 'model',
    patches: [
      {
        file: HEAP,
        append:
          '\nHeap.prototype.dropPendingFrees = function (count) { if (count === 0) this.pendingFrees.length = 0; };\n',
      },
    ],
  },
  'pthread_mutex_consistent is forgotten': {
    finder: 'kills',
    patches: [
      { file: 'shm-store/native/lock.cc', search: '  pthread_mutex_consistent(writeLockOf(view));', replacement: '' },
    ],
  },
  'a reader does not revalidate': {
    finder: 'kills',
    patches: [doorMethod('endRead', 'function () { return true; }')],
  },
  'commit in JavaScript, under worker.terminate()': { finder: 'workers', patches: commitInJavaScript() },
  'commit in JavaScript, under stack overflow': { finder: 'stacks', patches: commitInJavaScript() },
  'a journal is not judged before it is played': {
    finder: 'slots',
    patches: [
      {
        file: RECOVERY,
        search: 'uint64_t words) {\n  if (words * 4 >',
        replacement: 'uint64_t words) {\n  if (words != 0) return true;\n  if (words * 4 >',
      },
    ],
  },
  'a list believes its length': {
    finder: 'bytes',
    patches: [
      {
        file: 'journal/dist/collections/list-core.js',
        search: '        if (!(length >= 0 && length <= LIST_LENGTH_MAX && Number.isInteger(length)))',
        replacement: '        if (length === undefined)',
      },
    ],
  },
};

/** The commit as a draft of this project had it: the frame's callback plays the journal back itself. */
function commitInJavaScript() {
  return [
    {
      file: TRANSACTION,
      search: '        return door.journalLength;',
      replacement: '        return commitInJavaScript(this.native, door);',
    },
    {
      file: TRANSACTION,
      append: `
import { CONTROL_PAGE_STATES, SLOT_BYTES, SLOT_JOURNAL_WORDS, SLOT_MARK, SLOT_TRANSACTION_ID, SLOT_UNDO_COUNT } from '@mofo/shm-store';

function storeOne(target, index, value) {
  target[index] = value;
}

function commitInJavaScript(native, door) {
  const end = new Float64Array(native.control, 0, CONTROL_SLOTS / 8)[CONTROL_PAGE_STATES / 8];
  const words = new Uint32Array(native.control, 0, end / 4);
  const floats = new Float64Array(native.control, 0, end / 8);
  const slot = CONTROL_SLOTS + native.slot * SLOT_BYTES;
  const journal = new Int32Array(native.journal);
  const main = new Int32Array(native.windows[0]);
  storeOne(words, (slot + SLOT_JOURNAL_WORDS) / 4, door.journalLength);
  storeOne(floats, (slot + SLOT_MARK) / 8, floats[(slot + SLOT_TRANSACTION_ID) / 8]);
  storeOne(words, CONTROL_SEQUENCE / 4, words[CONTROL_SEQUENCE / 4] + 1);
  for (let at = 0; at < door.journalLength; ) {
    const granule = journal[at] >>> 0;
    const count = journal[at + 1] * 4;
    door.guardBlock(granule, count / 4);
    for (let k = 0; k < count; k++) storeOne(main, granule * 4 + k, journal[at + 2 + k]);
    at += 2 + count;
  }
  storeOne(words, (slot + SLOT_UNDO_COUNT) / 4, 0);
  storeOne(floats, (slot + SLOT_MARK) / 8, 0);
  storeOne(words, CONTROL_SEQUENCE / 4, words[CONTROL_SEQUENCE / 4] + 1);
  return 0;
}
`,
    },
  ];
}

/** The patches of a bug by its name. */
export function patchesOf(name) {
  const bug = PLANTED_BUGS[name];
  if (bug === undefined)
    throw new Error(`there is no planted bug "${name}"; there are: ${Object.keys(PLANTED_BUGS).join('; ')}`);
  return bug.patches;
}
