#include "recovery.h"

#include <algorithm>
#include <cstring>
#include "geometry.h"
#include "guard.h"
#include "stores.h"
#include "wait.h"

namespace mofo {

namespace {

constexpr uint64_t GRANULE_WORDS = layout::GRANULE_BYTES / 4;
constexpr uint64_t UNDO_ENTRY_BYTES = layout::UNDO_ENTRY_WORDS * 4;

struct JournalEntry {
  uint32_t granule;
  uint32_t count;
};

JournalEntry entryAt(const uint8_t* journal, uint64_t word) {
  JournalEntry entry;
  std::memcpy(&entry, journal + word * 4, sizeof entry);
  return entry;
}

uint32_t wordAt(const uint8_t* source) {
  uint32_t word;
  std::memcpy(&word, source, sizeof word);
  return word;
}

/** The parts of main that may be written, computed from its size and from `reserved` alone: nothing in main is believed. */
class Bounds {
 public:
  explicit Bounds(const StoreView& view) {
    const Geometry geometry(view.sizeBytes);
    const uint64_t reserved = std::min(
        view.sizeBytes, Geometry::toBytes(loadWord(view.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES))));
    heapEnd_ = reserved / layout::GRANULE_BYTES;
    heapFirst_ = geometry.heapStart() / layout::GRANULE_BYTES;
    tableEnd_ = geometry.tableEnd((reserved + layout::SLAB_BYTES - 1) / layout::SLAB_BYTES) / layout::GRANULE_BYTES;
  }

  bool contains(uint64_t granule, uint64_t count) const {
    constexpr uint64_t tableFirst = layout::MAIN_SLAB_TABLE / layout::GRANULE_BYTES;
    const uint64_t end = granule + count;
    if (count == 0) return false;
    if (granule < tableFirst) return end <= tableFirst;
    if (granule < heapFirst_) return end <= tableEnd_;
    return end <= heapEnd_;
  }

 private:
  uint64_t heapFirst_, heapEnd_, tableEnd_;
};

/** Bytes of a range that have memory behind them: reading further could be a SIGBUS. */
uint64_t backedBytes(const StoreView& view, uint32_t slot, uint64_t pagesWord, uint64_t capacity) {
  return std::min(capacity, uint64_t(loadWord(view.slotAt<uint32_t>(slot, pagesWord))) * layout::PAGE_BYTES);
}

struct SlotWords {
  double* mark;
  uint32_t* journalWords;
  uint32_t* undoCount;
  double* transactionId;
};

SlotWords wordsOf(const StoreView& view, uint32_t slot) {
  return {view.slotAt<double>(slot, layout::SLOT_MARK), view.slotAt<uint32_t>(slot, layout::SLOT_JOURNAL_WORDS),
          view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT), view.slotAt<double>(slot, layout::SLOT_TRANSACTION_ID)};
}

}  // namespace

bool isJournalSound(const StoreView& view, uint32_t slot, uint64_t words) {
  if (words * 4 > backedBytes(view, slot, layout::SLOT_JOURNAL_RESERVED, Geometry(view.sizeBytes).journalBytes())) return false;
  const Bounds bounds(view);
  const uint8_t* journal = view.journal(slot);
  uint64_t at = 0;
  while (words - at >= layout::JOURNAL_HEADER_WORDS) {
    const JournalEntry entry = entryAt(journal, at);
    at += layout::JOURNAL_HEADER_WORDS;
    if (!bounds.contains(entry.granule, entry.count) || uint64_t(entry.count) * GRANULE_WORDS > words - at) return false;
    at += uint64_t(entry.count) * GRANULE_WORDS;
  }
  return at == words;
}

bool isUndoSound(const StoreView& view, uint32_t slot, uint64_t count) {
  if (count == 0) return true;
  if (count * UNDO_ENTRY_BYTES > backedBytes(view, slot, layout::SLOT_UNDO_RESERVED, Geometry(view.sizeBytes).undoBytes())) return false;
  const Bounds bounds(view);
  const double first = loadDouble(wordsOf(view, slot).transactionId);
  const double last = loadDouble(view.controlAt<double>(layout::CONTROL_LAST_TRANSACTION_ID));
  // The ids of its savepoints lie between the transaction's own and the last one handed out.
  if (!(first > 0 && first <= last && last < 9007199254740992.0)) return false;
  const uint32_t firstLow = uint32_t(uint64_t(first)), span = uint32_t(std::min(last - first, 4294967295.0));
  const uint8_t* undo = view.undo(slot);
  for (uint64_t entry = 0; entry < count; entry++, undo += UNDO_ENTRY_BYTES) {
    if (!bounds.contains(wordAt(undo), 1) || wordAt(undo + 4) - firstLow > span) return false;
  }
  return true;
}

Rung playMarked(StoreView& view, uint32_t slot, uint32_t words) {
  const SlotWords own = wordsOf(view, slot);
  uint32_t* sequence = view.controlAt<uint32_t>(layout::CONTROL_SEQUENCE);
#ifndef MOFO_PLANT_NO_SEQUENCE
  if ((loadWord(sequence) & 1) == 0) storeWord(sequence, loadWord(sequence) + 1);
  storeFence();
#endif
#ifdef MOFO_PLANT_EARLY_CLEAR
  storeDouble(own.mark, 0);
#endif

  const Guard guard(view);
  const uint8_t* journal = view.journal(slot);
  for (uint64_t at = 0; at < words;) {
    const JournalEntry entry = entryAt(journal, at);
    at += layout::JOURNAL_HEADER_WORDS;
    guard.granules(entry.granule, entry.count);
    copyGranules(view.main + uint64_t(entry.granule) * layout::GRANULE_BYTES, journal + at * 4, entry.count);
    at += uint64_t(entry.count) * GRANULE_WORDS;
  }
  guard.pages(0, 0);
  storeDouble(view.mainAt<double>(layout::MAIN_LAST_TRANSACTION_ID), loadDouble(view.controlAt<double>(layout::CONTROL_LAST_TRANSACTION_ID)));

  // Counted while the mark stands: a ring may be repeated after a crash, but not lost.
  Rung rung = Rung::NotWatched;
  if (isWatched(view)) rung = ring(view, layout::CHANNEL_COMMITS) ? Rung::MustWake : Rung::Counted;
#ifdef MOFO_PLANT_MARK_BEFORE_UNDO
  storeDouble(own.mark, 0);
#endif
  storeWord(own.undoCount, 0);
  storeDouble(own.mark, 0);
#ifndef MOFO_PLANT_NO_SEQUENCE
  storeWord(sequence, loadWord(sequence) + 1);
#endif
  double* commits = view.controlAt<double>(layout::CONTROL_COMMIT_COUNT);
  storeDouble(commits, loadDouble(commits) + 1);
  return rung;
}

void playUndo(StoreView& view, uint32_t slot, uint32_t count) {
  const Guard guard(view);
  const uint8_t* undo = view.undo(slot);
  for (uint64_t left = count; left > 0; left--) {
    const uint8_t* entry = undo + (left - 1) * UNDO_ENTRY_BYTES;
    const uint32_t granule = wordAt(entry);
    guard.granules(granule, 1);
    copyGranules(view.main + uint64_t(granule) * layout::GRANULE_BYTES, entry + layout::UNDO_ENTRY_IMAGE * 4, 1);
  }
  storeWord(wordsOf(view, slot).undoCount, 0);
}

Status damaged(StoreView& view, uint32_t reason, const char* what) {
  uint32_t* word = view.controlAt<uint32_t>(layout::CONTROL_DAMAGED);
  if (loadWord(word) == 0) storeWord(word, reason);
  return Status::fail("STORE_DAMAGED", what);
}

Status recoverAll(StoreView& view) {
  constexpr uint32_t NONE = UINT32_MAX;
  uint32_t unfinished = NONE;
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    const SlotWords own = wordsOf(view, slot);
    if (loadDouble(own.mark) == 0 && loadWord(own.undoCount) == 0) continue;
    if (unfinished != NONE) return damaged(view, DAMAGE_TWO_UNFINISHED, "two transactions are unfinished at once, which the write lock rules out.");
    unfinished = slot;
  }

  if (unfinished != NONE) {
    const SlotWords own = wordsOf(view, unfinished);
    if (loadDouble(own.mark) != 0) {
      const uint32_t words = loadWord(own.journalWords);
      if (!isJournalSound(view, unfinished, words))
        return damaged(view, DAMAGE_JOURNAL, "a dead process left a complete journal that leads outside the store.");
      if (playMarked(view, unfinished, words) == Rung::MustWake) wakeWatchers(view);
    } else {
      const uint32_t count = loadWord(own.undoCount);
      if (!isUndoSound(view, unfinished, count))
        return damaged(view, DAMAGE_UNDO, "a dead process left an undo list that leads outside the store or belongs to no transaction.");
      playUndo(view, unfinished, count);
    }
  }

  uint32_t* sequence = view.controlAt<uint32_t>(layout::CONTROL_SEQUENCE);
  if ((loadWord(sequence) & 1) != 0) storeWord(sequence, loadWord(sequence) + 1);
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    double* open = wordsOf(view, slot).transactionId;
    if (loadDouble(open) != 0) storeDouble(open, 0);
  }
  return Status::ok();
}

}  // namespace mofo
