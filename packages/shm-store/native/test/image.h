// A store of the smallest size in plain memory that forked children share, and a transaction's JavaScript half in C++: what appends
// journal and undo entries between begin and commit.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>
#include "../geometry.h"
#include "../store-view.h"
#include "../transaction.h"

namespace mofo::test {

constexpr uint64_t SIZE_BYTES = layout::STORE_SIZE_MIN_BYTES;
/** All that the tests write lies below, so that an image is saved, restored and compared quickly. */
constexpr uint64_t USED_BYTES = 64 * 1024;
constexpr uint32_t HEAP_GRANULE = uint32_t(Geometry(SIZE_BYTES).heapStart() / layout::GRANULE_BYTES);
/** Journal and undo bytes of a slot that tests use. */
constexpr uint64_t RANGE_BYTES = 64 * 1024;

class NeverLeave final : public WaitGate {
 public:
  bool mustLeave() override { return false; }
};

/** A formatted, empty store; unmapped at the end. */
class Image {
 public:
  Image();
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  /** The store as the thread with this slot sees it. */
  StoreView view(uint32_t slot) const;
  /** Main's used bytes. */
  std::string mainBytes() const { return std::string(reinterpret_cast<char*>(main_), USED_BYTES); }
  /** Everything that a transaction of slots 0 and 1 may change, to go back to; locks come back unlocked. */
  std::string save() const;
  void restore(const std::string& saved);
  uint32_t word(uint64_t offset) const { return *reinterpret_cast<uint32_t*>(control_ + offset); }
  double number(uint64_t offset) const { return *reinterpret_cast<double*>(control_ + offset); }
  void setWord(uint64_t offset, uint32_t value) { *reinterpret_cast<uint32_t*>(control_ + offset) = value; }
  void setNumber(uint64_t offset, double value) { *reinterpret_cast<double*>(control_ + offset) = value; }
  static uint64_t slotOffset(uint32_t slot, uint64_t field) { return layout::CONTROL_SLOTS + slot * layout::SLOT_BYTES + field; }
  uint8_t* main() const { return main_; }
  /** True if no slot has mark, undo or open transaction and the sequence is even. */
  bool isAtRest() const;

 private:
  uint8_t* main_;
  uint8_t* control_;
};

/** Appends entries as the JavaScript door does, every write a single store. */
class Writer {
 public:
  explicit Writer(StoreView& view) : view_(view) { overwritten().clear(); }
  /** Granules that the newest Writer of this thread overwrote in place. */
  static std::set<uint32_t>& overwritten();
  /** Appends the image of `count` granules, filled with a value that depends on place and seed. */
  void journal(uint32_t granule, uint32_t count, uint32_t seed);
  /** Saves one granule and overwrites it in place. */
  void overwrite(uint32_t granule, uint32_t seed);
  uint32_t words() const { return words_; }

 private:
  StoreView& view_;
  uint32_t words_ = 0;
};

/** What `Writer::journal` puts into word `index` of the image of this granule. */
constexpr uint32_t patternOf(uint32_t granule, uint32_t index, uint32_t seed) { return seed * 2654435761u + granule * 4 + index + 1; }

}  // namespace mofo::test
