// The page guard: what every write to main passes first.
//
// Page state bytes lie in control, one per page of main. A page may be written once its byte equals the mark of the current epoch,
// 1 + (epoch & 1); any other value sends the writer through the slow path, which for now stores the mark. The epoch changes only
// under the write lock, so a Guard made under it stays right until the unlock.
#pragma once
#include "store-view.h"
#include "stores.h"

namespace mofo {

class Guard {
 public:
  /** The caller holds the write lock. */
  explicit Guard(const StoreView& view)
      : states_(view.pageStates()), mark_(uint8_t(1 + (loadWord(view.controlAt<uint32_t>(layout::CONTROL_EPOCH)) & 1))) {}

  /** Makes the pages of `count` granules from `granule` on writable. */
  void granules(uint64_t granule, uint64_t count) const {
    constexpr uint64_t perPage = layout::PAGE_BYTES / layout::GRANULE_BYTES;
    pages(granule / perPage, (granule + count - 1) / perPage);
  }

  /** Makes the pages from `first` to `last` (inclusive) writable. */
  void pages(uint64_t first, uint64_t last) const {
    for (uint64_t page = first; page <= last; page++) {
      if (loadByte(states_ + page) != mark_) open(page);
    }
  }

 private:
  void open(uint64_t page) const;

  uint8_t* states_;
  uint8_t mark_;
};

}  // namespace mofo
