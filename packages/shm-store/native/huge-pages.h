// Pages of 2 MiB for memory that is reserved anyway, without root and without any setting of the system.
//
// Linux collapses a range of a tmpfs file into one huge page when asked to (MADV_COLLAPSE, 6.1 and later), also where /dev/shm is mounted without
// them. It is asked here for fresh memory only, before anybody is told that it may be used: then there is one page to clear instead of 512, and
// this process has it mapped, so that it takes no page fault there later. Ranges that are in use are left as they are, because collapsing them
// takes a lock of each page, copies it, and takes it from the page tables of every process: 5 to 15 ms per 2 MiB in the way of whoever reads there.
//
// What is asked for may be refused (an older kernel, memory too fragmented, a cgroup near its limit). That is no error: the range gets pages of 4 KiB.
#pragma once
#include <cstdint>
#include "file-descriptor.h"

namespace mofo {

constexpr uint64_t HUGE_PAGE_BYTES = 2ull << 20;

/**
 * Gives each whole, aligned 2 MiB of [from, to) one huge page where the kernel has one; the range must belong to nobody. `base` is the address the
 * file is mapped at from its beginning; not a multiple of 2 MiB: nothing is done. Backs no more than the range, and perhaps only parts of it:
 * to be followed by allocateRange.
 */
void backWithHugePages(const FileDescriptor& file, uint8_t* base, uint64_t from, uint64_t to);

/** Maps what a range of a segment has behind it into this process, so that its first touch costs no fault. A hint: failure is no error. */
void populate(uint8_t* base, uint64_t from, uint64_t to);

}  // namespace mofo
