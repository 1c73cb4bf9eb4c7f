// Reservation: memory behind addresses before anybody is told that they may be used (R3). A full /dev/shm or an exhausted limit is a code
// here, and never SIGBUS or an out-of-memory kill at some later store.
#pragma once
#include <cstdint>
#include "geometry.h"
#include "memory-limit.h"
#include "reserver.h"
#include "segment.h"

namespace mofo {

/** The first step of a slot's journal and undo range. */
constexpr uint64_t RANGE_STEP_MIN_BYTES = 64ull << 10;
constexpr uint64_t RANGE_STEP_MAX_BYTES = 4ull << 20;

/** Allocates [from, to) of a file: EINTR is handled, no memory or space is a code; on failure nothing of it counts as reserved. */
Status allocateRange(const FileDescriptor& file, uint64_t from, uint64_t to);
/** Gives the memory of [from, to) back. */
void releaseRange(const FileDescriptor& file, uint64_t from, uint64_t to);

/**
 * Backs everything that a bound of `to` bytes allows to be used, from the bound `from` (0 in a store being made), the heap with huge pages if
 * they are wanted and to be had; publishes nothing.
 */
Status backMain(const StoreMapping& mapping, uint64_t from, uint64_t to, bool hugePages);

/** The bound after `reserved` when at least `least` bytes are wanted: an eighth more, up to 4 MiB at a time. */
uint64_t nextBound(uint64_t reserved, uint64_t least, uint64_t sizeBytes);

class SegmentReserver : public Reserver {
 public:
  /** `view.slot` must be this thread's slot before the journal is reserved. */
  SegmentReserver(const StoreMapping* mapping, const StoreView* view, bool hugePages)
      : mapping_(mapping), view_(view), hugePages_(hugePages) {}

  Status reserveMain(uint64_t granule) override;
  Status reserveJournal(uint64_t bytes) override;
  Status reserveUndo(uint64_t bytes) override;

 private:
  Status growRange(uint64_t offset, uint64_t capacity, uint64_t bytes, uint64_t pagesWord, const char* what);

  const StoreMapping* mapping_;
  const StoreView* view_;
  bool hugePages_;
};

}  // namespace mofo
