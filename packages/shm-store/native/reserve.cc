#include "reserve.h"

#include <fcntl.h>
#include <algorithm>
#include <cerrno>
#include "huge-pages.h"
#include "stores.h"

namespace mofo {

namespace {

/** Allocated in pieces, so that a thread that gets signals all the time still gets on. */
constexpr uint64_t PIECE_BYTES = 4ull << 20;
constexpr uint64_t MAIN_STEP_MAX_BYTES = 4ull << 20;
/** From here on main grows in whole huge pages: a quarter of its size at most. Below, a small store would pay more than it holds. */
constexpr uint64_t HUGE_STEPS_FROM_BYTES = 8ull << 20;

std::string bytesOf(uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

}  // namespace

Status allocateRange(const FileDescriptor& file, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to;) {
    const uint64_t count = std::min(PIECE_BYTES, to - at);
    const int error = posix_fallocate(file.get(), off_t(at), off_t(count));
    if (error == EINTR) continue;
    if (error == ENOSPC) return Status::fail("SHM_FULL", "/dev/shm is full: " + bytesOf(to - from) + " are wanted.", error);
    if (error == ENOMEM) return Status::fail("OUT_OF_MEMORY", "the kernel has no " + bytesOf(to - from) + " of memory.", error);
    if (error != 0) return systemFailure("reserving memory in /dev/shm", error);
    at += count;
  }
  return Status::ok();
}

void releaseRange(const FileDescriptor& file, uint64_t from, uint64_t to) {
  if (from >= to) return;
  // A failure costs memory and nothing else: the range is not counted as reserved.
  while (fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(from), off_t(to - from)) != 0 && errno == EINTR) {
  }
}

Status backMain(const StoreMapping& mapping, uint64_t from, uint64_t to, bool hugePages) {
  const StoreFiles& files = mapping.files();
  const Geometry& geometry = mapping.geometry();
  const StoreView view = mapping.view();
  const uint64_t slabs = (to + layout::SLAB_BYTES - 1) / layout::SLAB_BYTES;
  const uint64_t oldSlabs = from / layout::SLAB_BYTES;
  const uint64_t tableFrom = from == 0 ? 0 : geometry.tableEnd(oldSlabs) / layout::PAGE_BYTES * layout::PAGE_BYTES;
  const uint64_t tableTo = std::min(geometry.heapStart(), roundUp(geometry.tableEnd(slabs), layout::PAGE_BYTES));
  const uint64_t heapFrom = std::max(from, geometry.heapStart());
  const uint64_t statesFrom = geometry.pageStates() + from / layout::PAGE_BYTES;
  const uint64_t statesTo = geometry.pageStates() + to / layout::PAGE_BYTES;

  Status status = requireMemory(2 * (to - heapFrom) + 2 * (tableTo - tableFrom) + (statesTo - statesFrom));
  if (status.isOk()) status = allocateRange(files.control, statesFrom, statesTo);
  struct Segment {
    const FileDescriptor& file;
    uint8_t* base;
  };
  for (const Segment& segment : {Segment{files.main, view.main}, Segment{files.backup, view.backup}}) {
    if (status.isOk()) status = allocateRange(segment.file, tableFrom, tableTo);
    if (status.isOk() && hugePages) backWithHugePages(segment.file, segment.base, heapFrom, to);
    if (status.isOk()) status = allocateRange(segment.file, heapFrom, to);
  }
  if (!status.isOk()) {
    // What is above the published bound belongs to nobody; the few pages of table and states may stay.
    releaseRange(files.main, heapFrom, to);
    releaseRange(files.backup, heapFrom, to);
    return status;
  }
  // Whoever reserves is about to write there. One call for a thousand pages costs a twentieth of a thousand faults.
  populate(view.main, heapFrom, to);
  return status;
}

uint64_t nextBound(uint64_t reserved, uint64_t least, uint64_t sizeBytes) {
  const uint64_t step = std::clamp(roundUp(reserved / 8, layout::RESERVE_STEP_BYTES), layout::RESERVE_STEP_BYTES, MAIN_STEP_MAX_BYTES);
  const uint64_t wanted = std::max(least, reserved + step);
  return std::min(sizeBytes, roundUp(wanted, wanted < HUGE_STEPS_FROM_BYTES ? layout::RESERVE_STEP_BYTES : HUGE_PAGE_BYTES));
}

Status SegmentReserver::reserveMain(uint64_t granule) {
  const Geometry& geometry = mapping_->geometry();
  uint32_t* published = view_->controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES);
  const uint64_t reserved = Geometry::toBytes(loadWord(published));
  const uint64_t wanted = granule * layout::GRANULE_BYTES;
  if (wanted <= reserved) return Status::ok();
  if (wanted > geometry.sizeBytes)
    return Status::fail("STORE_FULL", "the store is full: " + bytesOf(wanted) + " are wanted and its size is " + bytesOf(geometry.sizeBytes) + ".");

  const uint64_t least = std::min(geometry.sizeBytes, roundUp(wanted, layout::RESERVE_STEP_BYTES));
  uint64_t target = nextBound(reserved, least, geometry.sizeBytes);
  Status status = backMain(*mapping_, reserved, target, hugePages_);
  if (!status.isOk() && target > least) {
    target = least;
    status = backMain(*mapping_, reserved, target, hugePages_);
  }
  if (status.isOk()) storeWord(published, Geometry::toGranules(target));
  return status;
}

Status SegmentReserver::reserveJournal(uint64_t bytes) {
  const Geometry& geometry = mapping_->geometry();
  return growRange(geometry.journalOffset() + view_->slot * geometry.slotBytes(), geometry.journalBytes(), bytes,
                   layout::SLOT_JOURNAL_RESERVED, "journal");
}

Status SegmentReserver::reserveUndo(uint64_t bytes) {
  const Geometry& geometry = mapping_->geometry();
  return growRange(geometry.journalOffset() + view_->slot * geometry.slotBytes() + geometry.journalBytes(), geometry.undoBytes(), bytes,
                   layout::SLOT_UNDO_RESERVED, "undo list");
}

Status SegmentReserver::growRange(uint64_t offset, uint64_t capacity, uint64_t bytes, uint64_t pagesWord, const char* what) {
  uint32_t* pages = view_->slotAt<uint32_t>(view_->slot, pagesWord);
  const uint64_t reserved = std::min(capacity, uint64_t(*pages) * layout::PAGE_BYTES);
  if (bytes <= reserved) return Status::ok();
  if (bytes > capacity)
    return Status::fail("JOURNAL_FULL", std::string("the transaction is too large: ") + bytesOf(bytes) + " of " + what +
                                            " are wanted and " + bytesOf(capacity) + " are there.");
  const uint64_t least = std::min(capacity, roundUp(bytes, RANGE_STEP_MIN_BYTES));
  uint64_t target = std::clamp(reserved + std::clamp(reserved, RANGE_STEP_MIN_BYTES, RANGE_STEP_MAX_BYTES), least, capacity);
  for (bool again = true; again;) {
    Status status = requireMemory(target - reserved);
    if (status.isOk()) status = allocateRange(mapping_->files().control, offset + reserved, offset + target);
    if (status.isOk()) break;
    releaseRange(mapping_->files().control, offset + reserved, offset + target);
    if (target == least) return status;
    target = least;
  }
  storeWord(pages, uint32_t(target / layout::PAGE_BYTES));
  return Status::ok();
}

}  // namespace mofo
