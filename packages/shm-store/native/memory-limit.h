// How much memory may still be taken. Pages of /dev/shm are memory: past a limit the kernel does not refuse them but kills somebody, so a
// reservation asks here first (R3).
#pragma once
#include <cstdint>
#include <string>
#include "status.h"

namespace mofo {

/** Where the kernel tells about memory; parameters, so that tests can give files of their own. */
struct MemoryRoots {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

/**
 * Bytes that may be taken now: the least of MemAvailable and, for this process's cgroup and each above it (v2, and v1 where
 * mounted), limit - usage + page cache that can be dropped; each less a margin of min(64 MiB, 5 % of the limit). 0 when nothing may.
 * No limit that can be read: UINT64_MAX.
 */
uint64_t availableMemoryBytes(const MemoryRoots& roots);

/** OUT_OF_MEMORY unless so many bytes may be taken now. */
Status requireMemory(uint64_t bytes, const MemoryRoots& roots = MemoryRoots());

}  // namespace mofo
