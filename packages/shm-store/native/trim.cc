#include "trim.h"

#include <sys/stat.h>
#include <algorithm>
#include <cstring>
#include "backup.h"
#include "create.h"
#include "reserve.h"
#include "slots.h"
#include "stores.h"

namespace mofo {

namespace {

bool isAlone(const StoreView& view) {
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    if (slot != view.slot && slotOwner(view, slot) == SlotOwner::alive) return false;
  }
  return true;
}

uint64_t occupiedBytes(const StoreFiles& files) {
  uint64_t sum = 0;
  for (const FileDescriptor* file : {&files.main, &files.backup, &files.control}) {
    struct stat info;
    if (fstat(file->get(), &info) == 0) sum += uint64_t(info.st_blocks) * 512;
  }
  return sum;
}

/** The least bound that keeps every block, computed from main's end of the heap, which is input: it never leads above `reserved`. */
uint64_t leastBound(const StoreView& view, const Geometry& geometry, uint64_t reserved) {
  const uint64_t heapEnd = uint64_t(loadWord(view.mainAt<uint32_t>(layout::MAIN_HEAP_END_SLAB))) * layout::SLAB_BYTES;
  if (heapEnd < geometry.heapStart() || heapEnd > reserved) return reserved;
  return std::min(reserved, nextBound(0, std::max(heapEnd, geometry.firstReserved()), geometry.sizeBytes));
}

void punch(const StoreMapping& mapping, const StoreView& view, uint64_t bound, uint64_t before) {
  const StoreFiles& files = mapping.files();
  const Geometry& geometry = mapping.geometry();
  const uint64_t table = std::min(geometry.heapStart(), roundUp(geometry.tableEnd((bound + layout::SLAB_BYTES - 1) / layout::SLAB_BYTES), layout::PAGE_BYTES));
  for (const FileDescriptor* file : {&files.main, &files.backup}) {
    releaseRange(*file, bound, geometry.sizeBytes);
    releaseRange(*file, table, geometry.heapStart() / layout::PAGE_BYTES * layout::PAGE_BYTES);
  }
  // Both are zero there now: equal. The states have memory up to the old bound only.
  uint8_t* states = view.pageStates();
  for (uint64_t page = bound / layout::PAGE_BYTES; page < before / layout::PAGE_BYTES; page++) {
    if (loadByte(states + page) != 0) storeByte(states + page, 0);
  }
}

}  // namespace

Status trimStore(const StorePaths& paths, const StoreMapping& mapping, const StoreView& view, TransactionCore& transactions, TrimReport& report) {
  CreateLock lock;
  Status status = lock.take(paths);
  if (!status.isOk()) return status;
  FileDescriptor lease;
  status = takeBackupLease(mapping, lease);
  if (status.isOk()) status = transactions.begin();
  if (!status.isOk()) return status;
  uint32_t* published = view.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES);
  const uint64_t reserved = Geometry::toBytes(loadWord(published));
  report.reservedBytes = reserved;
  if (!isAlone(view)) report.result = TrimResult::attached;
  else if (!lease) report.result = TrimResult::backupInUse;
  if (report.result == TrimResult::done) {
    const uint64_t occupied = occupiedBytes(mapping.files());
    const uint64_t bound = leastBound(view, mapping.geometry(), reserved);
    if (bound < reserved) storeWord(published, Geometry::toGranules(bound));
    punch(mapping, view, bound, reserved);
    report.reservedBytes = bound;
    report.freedBytes = occupied - std::min(occupied, occupiedBytes(mapping.files()));
  }
  return transactions.abort();
}

}  // namespace mofo
