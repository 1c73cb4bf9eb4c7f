// How the transaction core asks for memory behind addresses that are mapped already (R3). An interface, so that the core's C++
// tests run over plain memory; the real one is SegmentReserver in reserve.h.
#pragma once
#include <cstdint>
#include "status.h"

namespace mofo {

/** Every call is legal only while the calling thread holds the write lock. */
class Reserver {
 public:
  virtual ~Reserver() = default;
  /** Backs main, backup, slab table and page states up to this granule (exclusive) and publishes the new bound. */
  virtual Status reserveMain(uint64_t granule) = 0;
  /** Backs the own slot's journal range up to this many bytes. */
  virtual Status reserveJournal(uint64_t bytes) = 0;
  /** Backs the own slot's undo range up to this many bytes. */
  virtual Status reserveUndo(uint64_t bytes) = 0;
};

}  // namespace mofo
