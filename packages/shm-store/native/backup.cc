#include "backup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "clock.h"
#include "geometry.h"
#include "stores.h"

namespace mofo {

namespace {

constexpr uint64_t STATES_AT_ONCE = 8;
// Names that headers older than Linux 5.14 lack; an older kernel refuses, and the copy then takes its faults itself.
constexpr int POPULATE_READ = 22, POPULATE_WRITE = 23;

uint64_t reservedBytes(const StoreView& view) {
  return std::min(view.sizeBytes, Geometry::toBytes(loadWord(view.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES))));
}

/** First page from `page` on, below `end`, whose state is not 0; `end` if there is none. */
uint64_t nextDirty(const uint8_t* states, uint64_t page, uint64_t end) {
  while (page < end) {
    uint64_t eight = 0;
    if (page % STATES_AT_ONCE == 0 && end - page >= STATES_AT_ONCE) {
      std::memcpy(&eight, states + page, sizeof eight);
      if (eight == 0) {
        page += STATES_AT_ONCE;
        continue;
      }
    }
    if (loadByte(states + page) != 0) return page;
    page++;
  }
  return end;
}

}  // namespace

void copyDirtyPages(const StoreView& view, BackupReport& report) {
  constexpr uint64_t PAGE_GRANULES = layout::PAGE_BYTES / layout::GRANULE_BYTES;
  uint8_t* states = view.pageStates();
  report.reservedBytes = reservedBytes(view);
  const uint64_t end = report.reservedBytes / layout::PAGE_BYTES;
  for (uint64_t page = nextDirty(states, 0, end); page < end; page = nextDirty(states, page + 1, end)) {
#ifdef MOFO_PLANT_CLEAN_BEFORE_COPY
    storeByte(states + page, 0);
#endif
    copyGranules(view.backup + page * layout::PAGE_BYTES, view.main + page * layout::PAGE_BYTES, PAGE_GRANULES);
    storeByte(states + page, 0);
    report.pagesCopied++;
  }
  report.sequence = loadWord(view.controlAt<uint32_t>(layout::CONTROL_SEQUENCE));
  report.transactionId = loadDouble(view.mainAt<double>(layout::MAIN_LAST_TRANSACTION_ID));
  report.timeline = loadWord(view.mainAt<uint32_t>(layout::MAIN_TIMELINE));
  uint32_t* epoch = view.controlAt<uint32_t>(layout::CONTROL_EPOCH);
  report.epoch = loadWord(epoch) + 1;
  storeWord(epoch, report.epoch);
}

Status copyToBackup(TransactionCore& transactions, const StoreView& view, BackupReport& report) {
  populateDirtyPages(view);
  // An empty transaction: whatever may stand in the way of one stands in the way of a snapshot (RETIRED, DAMAGED, FENCED), and begin recovers.
  Status status = transactions.begin();
  if (!status.isOk()) return status;
  const double beginMs = monotonicMs();
  copyDirtyPages(view, report);
  status = transactions.abort();
  report.pauseUs = (monotonicMs() - beginMs) * 1000;
  return status;
}

void populateDirtyPages(const StoreView& view) {
  const uint8_t* states = view.pageStates();
  const uint64_t end = reservedBytes(view) / layout::PAGE_BYTES;
  for (uint64_t page = nextDirty(states, 0, end); page < end;) {
    uint64_t last = page;
    uint64_t next = nextDirty(states, page + 1, end);
    // Dirty pages only: those between slab table and heap may have no memory behind them.
    while (next < end && next - last == 1) {
      last = next;
      next = nextDirty(states, next + 1, end);
    }
    const uint64_t bytes = (last - page + 1) * layout::PAGE_BYTES;
    (void)madvise(view.main + page * layout::PAGE_BYTES, bytes, POPULATE_READ);
    (void)madvise(view.backup + page * layout::PAGE_BYTES, bytes, POPULATE_WRITE);
    page = next;
  }
}

Status takeBackupLease(const StoreMapping& mapping, FileDescriptor& lease) {
  // Opened again, because an flock belongs to the open file and the mapping's own is shared with nobody who could be locked out by it.
  const std::string path = "/proc/self/fd/" + std::to_string(mapping.files().backup.get());
  FileDescriptor own(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!own) return systemFailure("opening the backup segment again", errno);
  if (flock(own.get(), LOCK_EX | LOCK_NB) == 0) {
    lease = std::move(own);
    return Status::ok();
  }
  return errno == EWOULDBLOCK ? Status::ok() : systemFailure("locking the backup segment", errno);
}

}  // namespace mofo
