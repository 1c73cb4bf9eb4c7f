// Where things lie in a store of a given nominal size. Everything follows from the size, so an opener computes it again and compares it with
// what the control segment says instead of trusting it.
//
//   main     | superblock page | slab table: 16 bytes a slab ... | heap, from the next slab boundary ... sizeBytes |
//   backup   | the same                                                                                           |
//   control  | header page | 64 slots x 2 KiB | page states: a byte a page | to 2 MiB | slot 0: journal, undo | slot 1: ... |
//              `------------------ fixed part ---------------------------'
//
// All three are sparse: an address range costs nothing until it is reserved (R3).
#pragma once
#include <algorithm>
#include <cstdint>
#include "layout.h"

namespace mofo {

constexpr uint64_t roundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

struct Geometry {
  static constexpr uint64_t JOURNAL_MIN_BYTES = 1ull << 20;
  static constexpr uint64_t JOURNAL_MAX_BYTES = 1ull << 30;
  static constexpr uint64_t JOURNAL_ALIGNMENT_BYTES = 2ull << 20;

  uint64_t sizeBytes;

  explicit constexpr Geometry(uint64_t size) : sizeBytes(size) {}

  static constexpr bool isValidSize(uint64_t size) {
    return size >= layout::STORE_SIZE_MIN_BYTES && size <= layout::STORE_SIZE_MAX_BYTES && size % layout::SLAB_BYTES == 0;
  }

  constexpr uint64_t slabCount() const { return sizeBytes / layout::SLAB_BYTES; }
  constexpr uint64_t tableEnd(uint64_t slabs) const { return layout::MAIN_SLAB_TABLE + slabs * layout::GRANULE_BYTES; }
  constexpr uint64_t heapStart() const { return roundUp(tableEnd(slabCount()), layout::SLAB_BYTES); }
  constexpr uint64_t firstReserved() const { return std::min(sizeBytes, heapStart() + layout::RESERVE_STEP_BYTES); }

  constexpr uint64_t pageCount() const { return sizeBytes / layout::PAGE_BYTES; }
  constexpr uint64_t pageStates() const { return layout::CONTROL_SLOTS + layout::SLOT_COUNT * layout::SLOT_BYTES; }
  constexpr uint64_t fixedBytes() const { return roundUp(pageStates() + pageCount(), layout::PAGE_BYTES); }
  constexpr uint64_t journalOffset() const { return roundUp(fixedBytes(), JOURNAL_ALIGNMENT_BYTES); }
  constexpr uint64_t journalBytes() const { return std::clamp(2 * sizeBytes, JOURNAL_MIN_BYTES, JOURNAL_MAX_BYTES); }
  constexpr uint64_t undoBytes() const { return journalBytes() / 2; }
  constexpr uint64_t slotBytes() const { return journalBytes() + undoBytes(); }
  constexpr uint64_t controlBytes() const { return journalOffset() + layout::SLOT_COUNT * slotBytes(); }

  /** CONTROL_RESERVED_GRANULES for so many bytes: 64 GiB does not fit into its 32 bits. */
  static constexpr uint32_t toGranules(uint64_t bytes) {
    return uint32_t(std::min<uint64_t>(bytes / layout::GRANULE_BYTES, 0xffffffffull));
  }
  static constexpr uint64_t toBytes(uint32_t granules) {
    return granules == 0xffffffffu ? layout::STORE_SIZE_MAX_BYTES : uint64_t(granules) * layout::GRANULE_BYTES;
  }
};

static_assert(Geometry(layout::STORE_SIZE_MIN_BYTES).heapStart() < layout::STORE_SIZE_MIN_BYTES);
static_assert(Geometry(layout::STORE_SIZE_MAX_BYTES).journalOffset() % layout::PAGE_BYTES == 0);
static_assert(Geometry(layout::STORE_SIZE_MIN_BYTES).pageStates() % layout::PAGE_BYTES == 0);
static_assert(Geometry::toBytes(Geometry::toGranules(layout::STORE_SIZE_MAX_BYTES)) == layout::STORE_SIZE_MAX_BYTES);

}  // namespace mofo
