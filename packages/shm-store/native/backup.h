// The backup segment: main as it was at one moment between two transactions, from which an image is written while the program goes on.
//
//   main    page:  A' B  C' D      page state 0: backup's page equals main's
//   backup  page:  A  B  C  D      any other:    main's page may have been written since
//   state:         1  0  2  0
//
// Copying takes the write lock, copies each page whose state is not 0, and stores 0 behind each copy; so at the unlock backup equals main
// below `reserved`. A process that dies in between leaves states that are not 0 yet: those pages are copied again by the next one. The
// pages copied already equal main until a writer's guard marks them, whoever died.
//
// Whoever reads the backup holds the lease, an flock on the backup's file through a descriptor of its own: exclusive between processes and
// threads, and given back by the kernel when its holder dies. Without it a second copy would change the backup under a reader.
#pragma once
#include <cstdint>
#include "file-descriptor.h"
#include "segment.h"
#include "status.h"
#include "store-view.h"
#include "transaction.h"

namespace mofo {

/** What a copy gave, and the moment that the backup now holds. */
struct BackupReport {
  double pauseUs = 0;
  uint64_t pagesCopied = 0;
  uint32_t sequence = 0;
  double transactionId = 0;
  uint32_t timeline = 0;
  /** The epoch that begins with this copy. */
  uint32_t epoch = 0;
  uint64_t reservedBytes = 0;
};

/** Copies what differs and raises the epoch. The caller holds the write lock and the lease, and no transaction is half done. */
void copyDirtyPages(const StoreView& view, BackupReport& report);

/**
 * Takes the write lock (recovering a dead owner's journal), copies, gives it back. Fails with the codes of TransactionCore::begin. The
 * caller holds the lease.
 */
Status copyToBackup(TransactionCore& transactions, const StoreView& view, BackupReport& report);

/** Maps the pages that a copy will touch into this process, so that the copy under the lock takes no page faults. Needs no lock. */
void populateDirtyPages(const StoreView& view);

/** Takes the lease if nobody has it; `lease` stays empty if somebody has. */
Status takeBackupLease(const StoreMapping& mapping, FileDescriptor& lease);

}  // namespace mofo
