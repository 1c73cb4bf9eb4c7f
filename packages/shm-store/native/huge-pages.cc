#include "huge-pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include "geometry.h"

namespace mofo {

namespace {

// Names that older headers lack; an older kernel refuses.
constexpr int POPULATE_WRITE = 23, COLLAPSE = 25;

}  // namespace

void backWithHugePages(const FileDescriptor& file, uint8_t* base, uint64_t from, uint64_t to) {
  if (reinterpret_cast<uintptr_t>(base) % HUGE_PAGE_BYTES != 0) return;
  for (uint64_t at = roundUp(from, HUGE_PAGE_BYTES); at + HUGE_PAGE_BYTES <= to; at += HUGE_PAGE_BYTES) {
    // The kernel refuses a range that is nothing but a hole.
    if (posix_fallocate(file.get(), off_t(at), off_t(layout::PAGE_BYTES)) != 0) return;
    if (madvise(base + at, HUGE_PAGE_BYTES, COLLAPSE) != 0) return;
  }
}

void populate(uint8_t* base, uint64_t from, uint64_t to) {
  if (from < to) (void)madvise(base + from, to - from, POPULATE_WRITE);
}

}  // namespace mofo
