#include "image.h"

#include <sys/mman.h>
#include <cstdlib>
#include <cstring>
#include "../guard.h"
#include "../lock.h"
#include "../stores.h"

namespace mofo::test {

namespace {

constexpr Geometry GEOMETRY(SIZE_BYTES);

uint8_t* mapShared(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  return static_cast<uint8_t*>(memory);
}

}  // namespace

Image::Image() : main_(mapShared(SIZE_BYTES)), control_(mapShared(GEOMETRY.controlBytes())) {
  setNumber(layout::CONTROL_SIZE, double(SIZE_BYTES));
  setNumber(layout::CONTROL_JOURNAL_OFFSET, double(GEOMETRY.journalOffset()));
  setNumber(layout::CONTROL_JOURNAL_BYTES, double(GEOMETRY.journalBytes()));
  setNumber(layout::CONTROL_UNDO_BYTES, double(GEOMETRY.undoBytes()));
  setNumber(layout::CONTROL_PAGE_STATES, double(GEOMETRY.pageStates()));
  setNumber(layout::CONTROL_PAGE_COUNT, double(GEOMETRY.pageCount()));
  setWord(layout::CONTROL_RESERVED_GRANULES, uint32_t(SIZE_BYTES / layout::GRANULE_BYTES));
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    setWord(slotOffset(slot, layout::SLOT_JOURNAL_RESERVED), RANGE_BYTES / layout::PAGE_BYTES);
    setWord(slotOffset(slot, layout::SLOT_UNDO_RESERVED), RANGE_BYTES / layout::PAGE_BYTES);
  }
  for (uint64_t i = 0; i < USED_BYTES; i++) main_[i] = uint8_t(i * 7 + i / 251);
  std::memset(main_ + layout::MAIN_LAST_TRANSACTION_ID, 0, 8);
  StoreView made = view(0);
  if (!initLocks(made).isOk()) abort();
}

Image::~Image() {
  munmap(main_, SIZE_BYTES);
  munmap(control_, GEOMETRY.controlBytes());
}

StoreView Image::view(uint32_t slot) const {
  StoreView view;
  view.main = main_;
  view.backup = main_;
  view.control = control_;
  view.sizeBytes = SIZE_BYTES;
  view.slot = slot;
  return view;
}

std::string Image::save() const {
  const StoreView first = view(0);
  std::string saved(reinterpret_cast<char*>(main_), USED_BYTES);
  saved.append(reinterpret_cast<char*>(control_), GEOMETRY.fixedBytes());
  for (uint32_t slot = 0; slot < 2; slot++) {
    saved.append(reinterpret_cast<char*>(first.journal(slot)), 4096);
    saved.append(reinterpret_cast<char*>(first.undo(slot)), 4096);
  }
  return saved;
}

void Image::restore(const std::string& saved) {
  const StoreView first = view(0);
  const char* at = saved.data();
  std::memcpy(main_, at, USED_BYTES);
  at += USED_BYTES;
  std::memcpy(control_, at, GEOMETRY.fixedBytes());
  at += GEOMETRY.fixedBytes();
  for (uint32_t slot = 0; slot < 2; slot++) {
    std::memcpy(first.journal(slot), at, 4096);
    std::memcpy(first.undo(slot), at + 4096, 4096);
    at += 8192;
  }
  std::memset(control_ + layout::CONTROL_WRITE_LOCK, 0, 256);
  StoreView made = view(0);
  if (!initLocks(made).isOk()) abort();
}

bool Image::isAtRest() const {
  if ((word(layout::CONTROL_SEQUENCE) & 1) != 0) return false;
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    if (number(slotOffset(slot, layout::SLOT_MARK)) != 0 || word(slotOffset(slot, layout::SLOT_UNDO_COUNT)) != 0 ||
        number(slotOffset(slot, layout::SLOT_TRANSACTION_ID)) != 0)
      return false;
  }
  return true;
}

std::set<uint32_t>& Writer::overwritten() {
  static thread_local std::set<uint32_t> granules;
  return granules;
}

void Writer::journal(uint32_t granule, uint32_t count, uint32_t seed) {
  uint32_t* at = reinterpret_cast<uint32_t*>(view_.journal(view_.slot)) + words_;
  storeWord(at, granule);
  storeWord(at + 1, count);
  for (uint32_t i = 0; i < count * 4; i++) storeWord(at + 2 + i, patternOf(granule + i / 4, i % 4, seed));
  words_ += 2 + count * 4;
}

void Writer::overwrite(uint32_t granule, uint32_t seed) {
  uint32_t* count = view_.slotAt<uint32_t>(view_.slot, layout::SLOT_UNDO_COUNT);
  uint32_t* entry = reinterpret_cast<uint32_t*>(view_.undo(view_.slot)) + *count * layout::UNDO_ENTRY_WORDS;
  uint32_t* target = view_.mainAt<uint32_t>(uint64_t(granule) * layout::GRANULE_BYTES);
  overwritten().insert(granule);
  storeWord(entry, granule);
  storeWord(entry + 1, uint32_t(uint64_t(*view_.slotAt<double>(view_.slot, layout::SLOT_TRANSACTION_ID))));
  for (uint32_t i = 0; i < 4; i++) storeWord(entry + layout::UNDO_ENTRY_IMAGE + i, target[i]);
  storeWord(count, *count + 1);
  Guard(view_).granules(granule, 1);
  for (uint32_t i = 0; i < 4; i++) storeWord(target + i, patternOf(granule, i, seed));
}

}  // namespace mofo::test
