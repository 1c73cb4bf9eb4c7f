// The addresses of one store's three segments as one thread sees them, and typed access to their words. Owns nothing: whoever
// made it keeps the mappings alive. Also built over plain memory by the C++ tests.
#pragma once
#include <cstdint>
#include "layout.h"

namespace mofo {

struct StoreView {
  uint8_t* main = nullptr;
  uint8_t* backup = nullptr;
  uint8_t* control = nullptr;
  uint64_t sizeBytes = 0;
  uint32_t slot = 0;

  template <typename T>
  T* controlAt(uint64_t offset) const { return reinterpret_cast<T*>(control + offset); }
  template <typename T>
  T* mainAt(uint64_t offset) const { return reinterpret_cast<T*>(main + offset); }
  template <typename T>
  T* slotAt(uint32_t index, uint64_t offset) const {
    return reinterpret_cast<T*>(control + layout::CONTROL_SLOTS + uint64_t(index) * layout::SLOT_BYTES + offset);
  }
  uint64_t journalBytes() const { return uint64_t(*controlAt<double>(layout::CONTROL_JOURNAL_BYTES)); }
  uint64_t undoBytes() const { return uint64_t(*controlAt<double>(layout::CONTROL_UNDO_BYTES)); }
  uint8_t* journal(uint32_t index) const {
    const uint64_t first = uint64_t(*controlAt<double>(layout::CONTROL_JOURNAL_OFFSET));
    return control + first + uint64_t(index) * (journalBytes() + undoBytes());
  }
  uint8_t* undo(uint32_t index) const { return journal(index) + journalBytes(); }
  uint8_t* pageStates() const { return control + uint64_t(*controlAt<double>(layout::CONTROL_PAGE_STATES)); }
};

}  // namespace mofo
