// Generated from layout.json by scripts/generate-layout.mjs. Do not edit.

// Units. A granule is what a ref counts; a page is what is copied; a slab is what the heap is carved into; a window is what one ArrayBuffer shows.
/** version of the stored format; any other is refused */
export const FORMAT_VERSION: 3 = 3;
/** 0x01020304 in the writer's byte order */
export const BYTE_ORDER_MARK: 16909060 = 16909060;
/** a ref is a count of these */
export const GRANULE_BYTES: 16 = 16;
/** unit of dirty marks and of snapshots */
export const PAGE_BYTES: 4096 = 4096;
/** unit that the heap hands to a size class */
export const SLAB_BYTES: 16384 = 16384;
/** SLAB_BYTES / GRANULE_BYTES */
export const SLAB_GRANULES: 1024 = 1024;
/** 4 GiB in granules; no block crosses a multiple of it */
export const WINDOW_GRANULES: 268435456 = 268435456;
/** smallest nominal size */
export const STORE_SIZE_MIN_BYTES: 1048576 = 1048576;
/** largest nominal size: what a 32-bit ref reaches */
export const STORE_SIZE_MAX_BYTES: 68719476736 = 68719476736;
/** memory is reserved in steps of at least this */
export const RESERVE_STEP_BYTES: 1048576 = 1048576;

// Main segment, page 0: byte offsets. Everything not named is zero.
/** 8 bytes, 'MOFOMAIN' */
export const MAIN_MAGIC: 0 = 0;
/** u32 FORMAT_VERSION */
export const MAIN_FORMAT: 8 = 8;
/** u32 BYTE_ORDER_MARK */
export const MAIN_BYTE_ORDER: 12 = 12;
/** f64 nominal size in bytes */
export const MAIN_SIZE: 16 = 16;
/** 16 random bytes, made at creation */
export const MAIN_STORE_ID: 24 = 24;
/** u64 address main was first mapped at (a hint, R4) */
export const MAIN_BASE_ADDRESS: 40 = 40;
/** u32, grows at each restore */
export const MAIN_TIMELINE: 48 = 48;
/** u32 hash of this table */
export const MAIN_LAYOUT_HASH: 52 = 52;
/** f64 milliseconds since 1970 */
export const MAIN_CREATED_AT: 56 = 56;
/** u32 owning link: newest entry of the type catalog (chunk of one granule with the next three) */
export const MAIN_CATALOG_HEAD: 64 = 64;
/** u32 owning link: newest root entry */
export const MAIN_ROOT_HEAD: 68 = 68;
/** u32 next user layout id */
export const MAIN_NEXT_LAYOUT_ID: 72 = 72;
/** u32 layout floor (R15) */
export const MAIN_FLOOR: 76 = 76;
/** f64 high-water mark of transaction ids, written by each commit */
export const MAIN_LAST_TRANSACTION_ID: 80 = 80;
/** u32 last birth stamp handed out; never rolled back */
export const MAIN_STAMP_COUNTER: 88 = 88;
/** granule of heap words: first slab, end slab (bump), nominal slabs, reserved zero */
export const MAIN_HEAP: 96 = 96;
/** u32 first slab of the heap */
export const MAIN_HEAP_FIRST_SLAB: 96 = 96;
/** u32 slabs below it have been handed out at least once */
export const MAIN_HEAP_END_SLAB: 100 = 100;
/** u32 slabs in the nominal size */
export const MAIN_HEAP_NOMINAL_SLABS: 104 = 104;
/** u32 x 20: free span lists, one per order (slab index, 0 none) */
export const MAIN_SPAN_HEADS: 128 = 128;
/** u32 x 64: slabs with room, one list per size class (slab index, 0 none) */
export const MAIN_CLASS_HEADS: 256 = 256;
/** table of native regions, a granule each: granule of the block (0: no entry), its birth stamp, bytes that its owner may use in pages, 0 (R4) */
export const MAIN_REGIONS: 512 = 512;
/** slab descriptors, one granule each, indexed by slab */
export const MAIN_SLAB_TABLE: 4096 = 4096;

// Block header (one granule, words) and slab descriptor (one granule, words).
/** word: layout id; 0 in a free block */
export const BLOCK_LAYOUT: 0 = 0;
/** word: birth stamp; 0 in a free block */
export const BLOCK_STAMP: 1 = 1;
/** word: low 32 bits of the creating transaction's (or savepoint's) id; in a free block the next free block of its slab (granule offset in the slab + 1; 0 none) */
export const BLOCK_TXID_LOW: 2 = 2;
/** word: bits 0-15 high bits of that id, 16-23 state, 24-31 check */
export const BLOCK_TXID_HIGH_STATE: 3 = 3;
/** state byte of a free block */
export const BLOCK_STATE_FREE: 85 = 85;
/** state byte of a live block */
export const BLOCK_STATE_LIVE: 170 = 170;
/** never handed out, or the inside of a span */
export const SLAB_KIND_NONE: 0 = 0;
/** blocks of one size class */
export const SLAB_KIND_SMALL: 1 = 1;
/** first slab of one large block; class byte = order */
export const SLAB_KIND_LARGE: 2 = 2;
/** first slab of a free span; class byte = order */
export const SLAB_KIND_FREE: 3 = 3;
/** native regions of a store */
export const REGION_COUNT_MAX: 32 = 32;
/** a span of order k has 2^k slabs; 18 is one window */
export const SPAN_ORDER_MAX: 18 = 18;

// Control segment: byte offsets. Each cache line has one kind of writer.
/** 8 bytes, 'MOFOCTRL' */
export const CONTROL_MAGIC: 0 = 0;
/** u32 FORMAT_VERSION */
export const CONTROL_FORMAT: 8 = 8;
/** u32 hash of this table */
export const CONTROL_LAYOUT_HASH: 12 = 12;
/** 16 bytes, equal to main's */
export const CONTROL_STORE_ID: 16 = 16;
/** f64 nominal size of main in bytes */
export const CONTROL_SIZE: 32 = 32;
/** f64 inode of the creator's pid namespace (R9) */
export const CONTROL_PID_NAMESPACE: 40 = 40;
/** u32 hash of libc name and version (R9) */
export const CONTROL_LIBC_HASH: 48 = 48;
/** u32 */
export const CONTROL_SLOT_COUNT: 52 = 52;
/** f64 byte offset of slot 0's journal */
export const CONTROL_JOURNAL_OFFSET: 56 = 56;
/** f64 size of one slot's journal range */
export const CONTROL_JOURNAL_BYTES: 64 = 64;
/** f64 size of one slot's undo range (follows its journal) */
export const CONTROL_UNDO_BYTES: 72 = 72;
/** f64 byte offset of the page state bytes */
export const CONTROL_PAGE_STATES: 80 = 80;
/** f64 number of page state bytes */
export const CONTROL_PAGE_COUNT: 88 = 88;
/** u32 1 when creation is complete; written last */
export const CONTROL_READY: 96 = 96;
/** u32 1: destroyed or replaced by a restore (R8) */
export const CONTROL_RETIRED: 256 = 256;
/** u32 reason, 0 when sound (R8) */
export const CONTROL_DAMAGED: 260 = 260;
/** u32 commitSequence: even at rest, odd during playback */
export const CONTROL_SEQUENCE: 320 = 320;
/** f64 last transaction or savepoint id handed out */
export const CONTROL_LAST_TRANSACTION_ID: 384 = 384;
/** f64 commits since this control segment was made */
export const CONTROL_COMMIT_COUNT: 392 = 392;
/** u32: refs at or above it are out of bounds (R3); 64 GiB is stored as 0xFFFFFFFF */
export const CONTROL_RESERVED_GRANULES: 448 = 448;
/** u32 slot index + 1 of a write lock waiter starved for 10 ms, whom others let go first; 0 none (R9) */
export const CONTROL_WRITE_STARVING: 512 = 512;
/** u32 snapshot epoch */
export const CONTROL_EPOCH: 576 = 576;
/** u32 epoch a snapshot asks for (R18) */
export const CONTROL_WANTED_EPOCH: 580 = 580;
/** u32 0 idle, 1 sweeping */
export const CONTROL_SWEEPER: 584 = 584;
/** f64 grows by one with each new role owner */
export const CONTROL_TERM: 640 = 640;
/** u32 slot index + 1 of the role owner; 0 none */
export const CONTROL_ROLE_SLOT: 648 = 648;
/** f64 monotonic ms at which a waiter saw the last role owner dead */
export const CONTROL_ROLE_DEATH_AT: 656 = 656;
/** u32 futex: rung with every channel */
export const CONTROL_DOORBELL: 704 = 704;
/** u32 number of processes that wait for the doorbell */
export const CONTROL_WATCHERS: 708 = 708;
/** u32 x 64 channel counters; channel 0 is commits */
export const CONTROL_CHANNELS: 768 = 768;
/** robust mutex: one transaction */
export const CONTROL_WRITE_LOCK: 1024 = 1024;
/** robust mutex: main, for life */
export const CONTROL_ROLE_LOCK: 1152 = 1152;
/** process slots */
export const CONTROL_SLOTS: 4096 = 4096;
/** channels */
export const CHANNEL_COUNT: 64 = 64;
/** channel rung by every commit while somebody watches */
export const CHANNEL_COMMITS: 0 = 0;
/** process or thread slots of a store */
export const SLOT_COUNT: 64 = 64;
/** size of one */
export const SLOT_BYTES: 2048 = 2048;

// Process slot: byte offsets from the slot's start.
/** u32 0 free, 1 used */
export const SLOT_STATE: 0 = 0;
/** u32 */
export const SLOT_PID: 4 = 4;
/** u32 */
export const SLOT_TID: 8 = 8;
/** u32 0 none, 1 main, 2 clone, 3 worker */
export const SLOT_ROLE: 12 = 12;
/** f64 start time of the thread in clock ticks since boot */
export const SLOT_START_TIME: 16 = 16;
/** f64 term under which this process is main; 0 otherwise (R7) */
export const SLOT_TERM: 24 = 24;
/** u32 grows at each claim */
export const SLOT_GENERATION: 32 = 32;
/** f64 id of the transaction whose journal is complete; 0 none */
export const SLOT_MARK: 64 = 64;
/** u32 length of the marked journal in words */
export const SLOT_JOURNAL_WORDS: 72 = 72;
/** u32 undo entries that hold overwritten granules */
export const SLOT_UNDO_COUNT: 76 = 76;
/** f64 id of the open transaction; 0 none */
export const SLOT_TRANSACTION_ID: 80 = 80;
/** u32 journal bytes / PAGE_BYTES with memory behind them */
export const SLOT_JOURNAL_RESERVED: 88 = 88;
/** u32 undo bytes / PAGE_BYTES with memory behind them */
export const SLOT_UNDO_RESERVED: 92 = 92;
/** u32 0 nothing, 1 write lock (R9) */
export const SLOT_WAITING_FOR: 128 = 128;
/** f64 monotonic ms */
export const SLOT_WAITING_SINCE: 136 = 136;
/** u32 tid of the lock's holder as last seen */
export const SLOT_WAITING_OWNER: 144 = 144;
/** u32 number of threads of this slot that wait for the doorbell */
export const SLOT_WATCHING: 148 = 148;
/** u32 number of runs begun and not ended (0 idle) */
export const SLOT_RUNNING: 192 = 192;
/** u32 grows at each begin */
export const SLOT_RUNNING_SERIAL: 196 = 196;
/** f64 monotonic ms by which the current run must end; 0 none */
export const SLOT_DEADLINE: 200 = 200;
/** f64 monotonic ms of the event loop's last beat; 0 before the first */
export const SLOT_HEARTBEAT: 208 = 208;
/** f64 ms without a beat that count as a hang; 0 off */
export const SLOT_HEARTBEAT_LIMIT: 216 = 216;
/** f64 monotonic ms */
export const SLOT_RUN_STARTED: 224 = 224;
/** f64 the watchdog's number for the running task; 0 none */
export const SLOT_TASK_ID: 232 = 232;
/** u32 byte length, then up to 508 bytes of UTF-8: what runs (module@version task) */
export const SLOT_LABEL: 256 = 256;
/** size of the label area */
export const SLOT_LABEL_BYTES: 512 = 512;
/** 256 bytes for the packages above (the watchdog's record of the previous run) */
export const SLOT_USER: 768 = 768;
/** u32 number of record types that the thread's program has declared (R17); 0xFFFFFFFF when they are more than fit */
export const SLOT_TYPE_COUNT: 1024 = 1024;
/** u32 pairs: CRC-32 of a declared type's name, CRC-32 of its fields */
export const SLOT_TYPES: 1032 = 1032;
/** pairs that fit */
export const SLOT_TYPE_COUNT_MAX: 127 = 127;

// Journal entry: two words (target granule, granule count), then 4 words per granule. Undo entry: 8 words (granule, low word of the transaction id, 0, 0, 4 old words).
/** words before an image */
export const JOURNAL_HEADER_WORDS: 2 = 2;
/** words of an undo entry */
export const UNDO_ENTRY_WORDS: 8 = 8;
/** first word of the old granule in an undo entry */
export const UNDO_ENTRY_IMAGE: 4 = 4;

// Layout ids below 64 are the system's own block kinds; user types count from 64.
/** bytes: text, bytes, json; word 0 length in bytes, then the bytes */
export const LAYOUT_BLOB: 1 = 1;
/** one type of the catalog */
export const LAYOUT_CATALOG_ENTRY: 2 = 2;
/** one named root */
export const LAYOUT_ROOT_ENTRY: 3 = 3;
/** extension block of a record (R16) */
export const LAYOUT_EXTENSION: 4 = 4;
/** native region: word 0 length of its name in bytes, then the name; from the block's second page on, bytes of a native addon */
export const LAYOUT_REGION: 5 = 5;
/** counter */
export const LAYOUT_COUNTER: 8 = 8;
/** list header */
export const LAYOUT_LIST: 9 = 9;
/** list chunk */
export const LAYOUT_LIST_CHUNK: 10 = 10;
/** queue header */
export const LAYOUT_QUEUE: 11 = 11;
/** queue chunk */
export const LAYOUT_QUEUE_CHUNK: 12 = 12;
/** tree header */
export const LAYOUT_TREE: 16 = 16;
/** tree leaf: a long key and its value */
export const LAYOUT_TREE_LEAF: 17 = 17;
/** tree node: 16 links by four bits of the key */
export const LAYOUT_TREE_NODE: 18 = 18;
/** tree bucket: up to 28 entries */
export const LAYOUT_TREE_BUCKET: 19 = 19;
/** tree node by four bits of the key: up to 8 buckets */
export const LAYOUT_TREE_SMALL_NODE: 20 = 20;
/** first layout id of user types */
export const LAYOUT_USER_FIRST: 64 = 64;

/** Hash of the whole table; stored in main and control, and compared when a store is opened. */
export const LAYOUT_HASH: 1465669902 = 1465669902;

/** Block sizes of the size classes in bytes, header included. */
export const SIZE_CLASSES_BYTES: readonly number[] = [
  32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1360, 2048, 2720, 4096, 5456, 8192,
];
