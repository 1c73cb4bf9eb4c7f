// Giving memory back: what lies above the end of the heap (R3).
//
// The heap lowers its end in a transaction of its own (src/heap/trim.ts). Then, here, under the create lock (nobody attaches meanwhile), the backup's
// lease (nobody reads it) and the write lock, and only if no other thread is attached, whose bounds and views could reach further:
//
//   reserved lowered -> main, backup punched from there to their ends -> slab table beyond it punched -> page states beyond it zero -> unlock
//
// A process killed after any step leaves a sound store: below `reserved` everything has memory at every moment, and what is still there above
// belongs to nobody; the next trim punches it, or growth uses it again.
//
// Free spans inside the heap keep their memory. A reader without a lock may be misled to any granule below `reserved` by bytes
// that a writer changes under it, before it finds that out; reading a hole there takes a page, and kills with SIGBUS where /dev/shm is full.
#pragma once
#include <cstdint>
#include "segment.h"
#include "status.h"
#include "transaction.h"

namespace mofo {

enum class TrimResult {
  done,
  /** Another thread or process is attached: nothing was changed. */
  attached,
  /** A snapshot is reading the backup: nothing was changed. */
  backupInUse,
};

/** What a trim did. */
struct TrimReport {
  TrimResult result = TrimResult::done;
  /** Memory that the three segments occupy less than before. */
  uint64_t freedBytes = 0;
  uint64_t reservedBytes = 0;
};

/** The caller has no transaction open and no lease. Fails with CREATE_LOCK_TIMEOUT and the codes of TransactionCore::begin. */
Status trimStore(const StorePaths& paths, const StoreMapping& mapping, const StoreView& view, TransactionCore& transactions, TrimReport& report);

}  // namespace mofo
