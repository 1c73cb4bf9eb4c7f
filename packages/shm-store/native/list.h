// Which stores there are, without mapping or locking any of them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "status.h"

namespace mofo {

/** One used slot. */
struct AttachedThread {
  uint32_t slot, pid, tid, role;
  double startTime;
  bool alive;
};

struct StoreListing {
  std::string name;
  /** ready, incomplete, retired, damaged or foreign. */
  const char* state = "ready";
  uint64_t sizeBytes = 0;
  uint64_t reservedBytes = 0;
  /** Memory behind the three files. */
  uint64_t backedBytes = 0;
  std::vector<AttachedThread> attached;
  /** Pid of the living role owner; 0 none. */
  uint32_t rolePid = 0;
};

/** This user's stores by name, read with pread and without locks: a moment's impression. */
Status listSegments(const std::string& directory, std::vector<StoreListing>& result);

/** The same of one store; `isThere` is false when this user has none of that name. INVALID_NAME if it is no name. */
Status findSegments(const std::string& directory, const std::string& name, StoreListing& result, bool& isThere);

}  // namespace mofo
