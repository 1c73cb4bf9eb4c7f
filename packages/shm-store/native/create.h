// Opening and creating stores, safe between any number of processes and against SIGKILL at any step.
//
// All of it happens under the create lock, an flock on /dev/shm/mofo.<name>.lock, which the kernel releases when its holder dies. The lock file may be unlinked by
// whoever holds the lock, so a taker compares the inode of what it locked with what the name means now, and starts over when they differ.
//
//   create:   control made (READY 0) -> main -> backup -> sizes -> first reservation -> superblock -> locks -> header -> READY 1
//   destroy:  RETIRED 1 -> main unlinked -> backup unlinked -> control unlinked -> lock file unlinked
//
// Control is made first and removed last, so a killed creator or destroyer always leaves a control segment that says so: READY is 0 or RETIRED is 1,
// and the next holder of the lock removes the rest. Files without control were left by nobody of us and are not touched (STORE_INCOMPLETE).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include "segment.h"
#include "status.h"

namespace mofo {

/** Holds the create lock of one name until it is destroyed. */
class CreateLock {
 public:
  /** Waits up to 10 s: CREATE_LOCK_TIMEOUT. Makes the lock file if it is not there, also to attach: slots are claimed under it. */
  Status take(const StorePaths& paths);
  /** Removes the lock file; for the holder that leaves no store behind. */
  void unlinkFile(const StorePaths& paths);
  void release() { file_.reset(); }

 private:
  FileDescriptor file_;
};

struct OpenRequest {
  std::string directory = SHM_DIRECTORY;
  std::string name;
  /** 0: attach only, to whatever size there is. */
  uint64_t sizeBytes = 0;
  bool create = false;
  bool exactAddress = false;
  /** Said that any address will do: refused for a store with native regions. */
  bool anyAddress = false;
  bool hugePages = true;
};

struct OpenedStore {
  /** Still held: the slot is claimed under it. */
  CreateLock lock;
  std::shared_ptr<StoreMapping> mapping;
  bool created = false;
};

Status openSegments(const OpenRequest& request, OpenedStore& result);

/** Makes the header and the locks of a new control segment, all but READY, for a main segment backed up to `reservedBytes`. */
Status formatControl(const StoreMapping& mapping, const uint8_t (&storeId)[16], uint64_t reservedBytes);

/** Unlinks main, backup and control, in this order; the create lock must be held. */
Status removeFiles(const StorePaths& paths);
/** STORE_INCOMPLETE. */
Status incompleteStore(const std::string& name);

}  // namespace mofo
