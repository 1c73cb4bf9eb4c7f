// Generated from layout.json by scripts/generate-layout.mjs. Do not edit.
#pragma once
#include <cstdint>

namespace mofo::layout {

// Units. A granule is what a ref counts; a page is what is copied; a slab is what the heap is carved into; a window is what one ArrayBuffer shows.
constexpr uint64_t FORMAT_VERSION = 3ull;  // version of the stored format; any other is refused
constexpr uint64_t BYTE_ORDER_MARK = 16909060ull;  // 0x01020304 in the writer's byte order
constexpr uint64_t GRANULE_BYTES = 16ull;  // a ref is a count of these
constexpr uint64_t PAGE_BYTES = 4096ull;  // unit of dirty marks and of snapshots
constexpr uint64_t SLAB_BYTES = 16384ull;  // unit that the heap hands to a size class
constexpr uint64_t SLAB_GRANULES = 1024ull;  // SLAB_BYTES / GRANULE_BYTES
constexpr uint64_t WINDOW_GRANULES = 268435456ull;  // 4 GiB in granules; no block crosses a multiple of it
constexpr uint64_t STORE_SIZE_MIN_BYTES = 1048576ull;  // smallest nominal size
constexpr uint64_t STORE_SIZE_MAX_BYTES = 68719476736ull;  // largest nominal size: what a 32-bit ref reaches
constexpr uint64_t RESERVE_STEP_BYTES = 1048576ull;  // memory is reserved in steps of at least this

// Main segment, page 0: byte offsets. Everything not named is zero.
constexpr uint64_t MAIN_MAGIC = 0ull;  // 8 bytes, 'MOFOMAIN'
constexpr uint64_t MAIN_FORMAT = 8ull;  // u32 FORMAT_VERSION
constexpr uint64_t MAIN_BYTE_ORDER = 12ull;  // u32 BYTE_ORDER_MARK
constexpr uint64_t MAIN_SIZE = 16ull;  // f64 nominal size in bytes
constexpr uint64_t MAIN_STORE_ID = 24ull;  // 16 random bytes, made at creation
constexpr uint64_t MAIN_BASE_ADDRESS = 40ull;  // u64 address main was first mapped at (a hint, R4)
constexpr uint64_t MAIN_TIMELINE = 48ull;  // u32, grows at each restore
constexpr uint64_t MAIN_LAYOUT_HASH = 52ull;  // u32 hash of this table
constexpr uint64_t MAIN_CREATED_AT = 56ull;  // f64 milliseconds since 1970
constexpr uint64_t MAIN_CATALOG_HEAD = 64ull;  // u32 owning link: newest entry of the type catalog (chunk of one granule with the next three)
constexpr uint64_t MAIN_ROOT_HEAD = 68ull;  // u32 owning link: newest root entry
constexpr uint64_t MAIN_NEXT_LAYOUT_ID = 72ull;  // u32 next user layout id
constexpr uint64_t MAIN_FLOOR = 76ull;  // u32 layout floor (R15)
constexpr uint64_t MAIN_LAST_TRANSACTION_ID = 80ull;  // f64 high-water mark of transaction ids, written by each commit
constexpr uint64_t MAIN_STAMP_COUNTER = 88ull;  // u32 last birth stamp handed out; never rolled back
constexpr uint64_t MAIN_HEAP = 96ull;  // granule of heap words: first slab, end slab (bump), nominal slabs, reserved zero
constexpr uint64_t MAIN_HEAP_FIRST_SLAB = 96ull;  // u32 first slab of the heap
constexpr uint64_t MAIN_HEAP_END_SLAB = 100ull;  // u32 slabs below it have been handed out at least once
constexpr uint64_t MAIN_HEAP_NOMINAL_SLABS = 104ull;  // u32 slabs in the nominal size
constexpr uint64_t MAIN_SPAN_HEADS = 128ull;  // u32 x 20: free span lists, one per order (slab index, 0 none)
constexpr uint64_t MAIN_CLASS_HEADS = 256ull;  // u32 x 64: slabs with room, one list per size class (slab index, 0 none)
constexpr uint64_t MAIN_REGIONS = 512ull;  // table of native regions, a granule each: granule of the block (0: no entry), its birth stamp, bytes that its owner may use in pages, 0 (R4)
constexpr uint64_t MAIN_SLAB_TABLE = 4096ull;  // slab descriptors, one granule each, indexed by slab

// Block header (one granule, words) and slab descriptor (one granule, words).
constexpr uint64_t BLOCK_LAYOUT = 0ull;  // word: layout id; 0 in a free block
constexpr uint64_t BLOCK_STAMP = 1ull;  // word: birth stamp; 0 in a free block
constexpr uint64_t BLOCK_TXID_LOW = 2ull;  // word: low 32 bits of the creating transaction's (or savepoint's) id; in a free block the next free block of its slab (granule offset in the slab + 1; 0 none)
constexpr uint64_t BLOCK_TXID_HIGH_STATE = 3ull;  // word: bits 0-15 high bits of that id, 16-23 state, 24-31 check
constexpr uint64_t BLOCK_STATE_FREE = 85ull;  // state byte of a free block
constexpr uint64_t BLOCK_STATE_LIVE = 170ull;  // state byte of a live block
constexpr uint64_t SLAB_KIND_NONE = 0ull;  // never handed out, or the inside of a span
constexpr uint64_t SLAB_KIND_SMALL = 1ull;  // blocks of one size class
constexpr uint64_t SLAB_KIND_LARGE = 2ull;  // first slab of one large block; class byte = order
constexpr uint64_t SLAB_KIND_FREE = 3ull;  // first slab of a free span; class byte = order
constexpr uint64_t REGION_COUNT_MAX = 32ull;  // native regions of a store
constexpr uint64_t SPAN_ORDER_MAX = 18ull;  // a span of order k has 2^k slabs; 18 is one window

// Control segment: byte offsets. Each cache line has one kind of writer.
constexpr uint64_t CONTROL_MAGIC = 0ull;  // 8 bytes, 'MOFOCTRL'
constexpr uint64_t CONTROL_FORMAT = 8ull;  // u32 FORMAT_VERSION
constexpr uint64_t CONTROL_LAYOUT_HASH = 12ull;  // u32 hash of this table
constexpr uint64_t CONTROL_STORE_ID = 16ull;  // 16 bytes, equal to main's
constexpr uint64_t CONTROL_SIZE = 32ull;  // f64 nominal size of main in bytes
constexpr uint64_t CONTROL_PID_NAMESPACE = 40ull;  // f64 inode of the creator's pid namespace (R9)
constexpr uint64_t CONTROL_LIBC_HASH = 48ull;  // u32 hash of libc name and version (R9)
constexpr uint64_t CONTROL_SLOT_COUNT = 52ull;  // u32
constexpr uint64_t CONTROL_JOURNAL_OFFSET = 56ull;  // f64 byte offset of slot 0's journal
constexpr uint64_t CONTROL_JOURNAL_BYTES = 64ull;  // f64 size of one slot's journal range
constexpr uint64_t CONTROL_UNDO_BYTES = 72ull;  // f64 size of one slot's undo range (follows its journal)
constexpr uint64_t CONTROL_PAGE_STATES = 80ull;  // f64 byte offset of the page state bytes
constexpr uint64_t CONTROL_PAGE_COUNT = 88ull;  // f64 number of page state bytes
constexpr uint64_t CONTROL_READY = 96ull;  // u32 1 when creation is complete; written last
constexpr uint64_t CONTROL_RETIRED = 256ull;  // u32 1: destroyed or replaced by a restore (R8)
constexpr uint64_t CONTROL_DAMAGED = 260ull;  // u32 reason, 0 when sound (R8)
constexpr uint64_t CONTROL_SEQUENCE = 320ull;  // u32 commitSequence: even at rest, odd during playback
constexpr uint64_t CONTROL_LAST_TRANSACTION_ID = 384ull;  // f64 last transaction or savepoint id handed out
constexpr uint64_t CONTROL_COMMIT_COUNT = 392ull;  // f64 commits since this control segment was made
constexpr uint64_t CONTROL_RESERVED_GRANULES = 448ull;  // u32: refs at or above it are out of bounds (R3); 64 GiB is stored as 0xFFFFFFFF
constexpr uint64_t CONTROL_WRITE_STARVING = 512ull;  // u32 slot index + 1 of a write lock waiter starved for 10 ms, whom others let go first; 0 none (R9)
constexpr uint64_t CONTROL_EPOCH = 576ull;  // u32 snapshot epoch
constexpr uint64_t CONTROL_WANTED_EPOCH = 580ull;  // u32 epoch a snapshot asks for (R18)
constexpr uint64_t CONTROL_SWEEPER = 584ull;  // u32 0 idle, 1 sweeping
constexpr uint64_t CONTROL_TERM = 640ull;  // f64 grows by one with each new role owner
constexpr uint64_t CONTROL_ROLE_SLOT = 648ull;  // u32 slot index + 1 of the role owner; 0 none
constexpr uint64_t CONTROL_ROLE_DEATH_AT = 656ull;  // f64 monotonic ms at which a waiter saw the last role owner dead
constexpr uint64_t CONTROL_DOORBELL = 704ull;  // u32 futex: rung with every channel
constexpr uint64_t CONTROL_WATCHERS = 708ull;  // u32 number of processes that wait for the doorbell
constexpr uint64_t CONTROL_CHANNELS = 768ull;  // u32 x 64 channel counters; channel 0 is commits
constexpr uint64_t CONTROL_WRITE_LOCK = 1024ull;  // robust mutex: one transaction
constexpr uint64_t CONTROL_ROLE_LOCK = 1152ull;  // robust mutex: main, for life
constexpr uint64_t CONTROL_SLOTS = 4096ull;  // process slots
constexpr uint64_t CHANNEL_COUNT = 64ull;  // channels
constexpr uint64_t CHANNEL_COMMITS = 0ull;  // channel rung by every commit while somebody watches
constexpr uint64_t SLOT_COUNT = 64ull;  // process or thread slots of a store
constexpr uint64_t SLOT_BYTES = 2048ull;  // size of one

// Process slot: byte offsets from the slot's start.
constexpr uint64_t SLOT_STATE = 0ull;  // u32 0 free, 1 used
constexpr uint64_t SLOT_PID = 4ull;  // u32
constexpr uint64_t SLOT_TID = 8ull;  // u32
constexpr uint64_t SLOT_ROLE = 12ull;  // u32 0 none, 1 main, 2 clone, 3 worker
constexpr uint64_t SLOT_START_TIME = 16ull;  // f64 start time of the thread in clock ticks since boot
constexpr uint64_t SLOT_TERM = 24ull;  // f64 term under which this process is main; 0 otherwise (R7)
constexpr uint64_t SLOT_GENERATION = 32ull;  // u32 grows at each claim
constexpr uint64_t SLOT_MARK = 64ull;  // f64 id of the transaction whose journal is complete; 0 none
constexpr uint64_t SLOT_JOURNAL_WORDS = 72ull;  // u32 length of the marked journal in words
constexpr uint64_t SLOT_UNDO_COUNT = 76ull;  // u32 undo entries that hold overwritten granules
constexpr uint64_t SLOT_TRANSACTION_ID = 80ull;  // f64 id of the open transaction; 0 none
constexpr uint64_t SLOT_JOURNAL_RESERVED = 88ull;  // u32 journal bytes / PAGE_BYTES with memory behind them
constexpr uint64_t SLOT_UNDO_RESERVED = 92ull;  // u32 undo bytes / PAGE_BYTES with memory behind them
constexpr uint64_t SLOT_WAITING_FOR = 128ull;  // u32 0 nothing, 1 write lock (R9)
constexpr uint64_t SLOT_WAITING_SINCE = 136ull;  // f64 monotonic ms
constexpr uint64_t SLOT_WAITING_OWNER = 144ull;  // u32 tid of the lock's holder as last seen
constexpr uint64_t SLOT_WATCHING = 148ull;  // u32 number of threads of this slot that wait for the doorbell
constexpr uint64_t SLOT_RUNNING = 192ull;  // u32 number of runs begun and not ended (0 idle)
constexpr uint64_t SLOT_RUNNING_SERIAL = 196ull;  // u32 grows at each begin
constexpr uint64_t SLOT_DEADLINE = 200ull;  // f64 monotonic ms by which the current run must end; 0 none
constexpr uint64_t SLOT_HEARTBEAT = 208ull;  // f64 monotonic ms of the event loop's last beat; 0 before the first
constexpr uint64_t SLOT_HEARTBEAT_LIMIT = 216ull;  // f64 ms without a beat that count as a hang; 0 off
constexpr uint64_t SLOT_RUN_STARTED = 224ull;  // f64 monotonic ms
constexpr uint64_t SLOT_TASK_ID = 232ull;  // f64 the watchdog's number for the running task; 0 none
constexpr uint64_t SLOT_LABEL = 256ull;  // u32 byte length, then up to 508 bytes of UTF-8: what runs (module@version task)
constexpr uint64_t SLOT_LABEL_BYTES = 512ull;  // size of the label area
constexpr uint64_t SLOT_USER = 768ull;  // 256 bytes for the packages above (the watchdog's record of the previous run)
constexpr uint64_t SLOT_TYPE_COUNT = 1024ull;  // u32 number of record types that the thread's program has declared (R17); 0xFFFFFFFF when they are more than fit
constexpr uint64_t SLOT_TYPES = 1032ull;  // u32 pairs: CRC-32 of a declared type's name, CRC-32 of its fields
constexpr uint64_t SLOT_TYPE_COUNT_MAX = 127ull;  // pairs that fit

// Journal entry: two words (target granule, granule count), then 4 words per granule. Undo entry: 8 words (granule, low word of the transaction id, 0, 0, 4 old words).
constexpr uint64_t JOURNAL_HEADER_WORDS = 2ull;  // words before an image
constexpr uint64_t UNDO_ENTRY_WORDS = 8ull;  // words of an undo entry
constexpr uint64_t UNDO_ENTRY_IMAGE = 4ull;  // first word of the old granule in an undo entry

// Layout ids below 64 are the system's own block kinds; user types count from 64.
constexpr uint64_t LAYOUT_BLOB = 1ull;  // bytes: text, bytes, json; word 0 length in bytes, then the bytes
constexpr uint64_t LAYOUT_CATALOG_ENTRY = 2ull;  // one type of the catalog
constexpr uint64_t LAYOUT_ROOT_ENTRY = 3ull;  // one named root
constexpr uint64_t LAYOUT_EXTENSION = 4ull;  // extension block of a record (R16)
constexpr uint64_t LAYOUT_REGION = 5ull;  // native region: word 0 length of its name in bytes, then the name; from the block's second page on, bytes of a native addon
constexpr uint64_t LAYOUT_COUNTER = 8ull;  // counter
constexpr uint64_t LAYOUT_LIST = 9ull;  // list header
constexpr uint64_t LAYOUT_LIST_CHUNK = 10ull;  // list chunk
constexpr uint64_t LAYOUT_QUEUE = 11ull;  // queue header
constexpr uint64_t LAYOUT_QUEUE_CHUNK = 12ull;  // queue chunk
constexpr uint64_t LAYOUT_TREE = 16ull;  // tree header
constexpr uint64_t LAYOUT_TREE_LEAF = 17ull;  // tree leaf: a long key and its value
constexpr uint64_t LAYOUT_TREE_NODE = 18ull;  // tree node: 16 links by four bits of the key
constexpr uint64_t LAYOUT_TREE_BUCKET = 19ull;  // tree bucket: up to 28 entries
constexpr uint64_t LAYOUT_TREE_SMALL_NODE = 20ull;  // tree node by four bits of the key: up to 8 buckets
constexpr uint64_t LAYOUT_USER_FIRST = 64ull;  // first layout id of user types

constexpr uint32_t LAYOUT_HASH = 1465669902u;
constexpr uint32_t SIZE_CLASSES_BYTES[] = {32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1360, 2048, 2720, 4096, 5456, 8192};

}  // namespace mofo::layout
