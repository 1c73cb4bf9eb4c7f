// What a journal and an undo list mean, and how whoever gets the write lock of a dead process brings the store to rest.
//
// A slot is in one of three states, told apart by words that change by single stores:
//
//   mark = 0, undo count = 0   nothing of it is in main (a journal without a mark never happened)
//   mark = 0, undo count = n   an open transaction overwrote n granules of the allocator: put them back, newest first
//   mark = id                  the journal is complete: play it, whatever the undo list says; it ends with undo count 0, then mark 0
//
// Both ways end in words that say "nothing to do" only after everything is done, and both may be repeated from the start any number
// of times with the same bytes: so a recoverer may die at any store and the next one starts over (R11). The sequence is odd from before the
// first word that playback writes until after the mark is cleared; when it is found odd with no mark, the dead one got all but its last
// store done.
//
// At most one slot can be unfinished, because the lock's next owner recovers before it begins. Two are damage. Everything is validated before
// the first store: a journal that leads outside main is damage too, never a crash.
#pragma once
#include "status.h"
#include "store-view.h"

namespace mofo {

/** Reasons in CONTROL_DAMAGED. */
constexpr uint32_t DAMAGE_JOURNAL = 1;
constexpr uint32_t DAMAGE_UNDO = 2;
constexpr uint32_t DAMAGE_TWO_UNFINISHED = 3;
constexpr uint32_t DAMAGE_LOCK = 4;

/** True if a journal of this slot with this many words can be played: whole entries, each inside superblock, slab table or heap. */
bool isJournalSound(const StoreView& view, uint32_t slot, uint64_t words);

/** True if the slot's first `count` undo entries can be put back and belong to the slot's open transaction. */
bool isUndoSound(const StoreView& view, uint32_t slot, uint64_t count);

/** Whether a commit was counted on the doorbell, and whether somebody asleep there must be woken for it. */
enum class Rung { NotWatched, Counted, MustWake };

/** Plays a slot's marked, sound journal and clears it; the sequence ends even. The caller holds the write lock. */
Rung playMarked(StoreView& view, uint32_t slot, uint32_t words);

/** Puts back a slot's sound undo list, newest entry first, and clears it. The caller holds the write lock. */
void playUndo(StoreView& view, uint32_t slot, uint32_t count);

/** Brings every slot to rest. The caller holds the write lock. Fails with STORE_DAMAGED and then has set CONTROL_DAMAGED and played nothing. */
Status recoverAll(StoreView& view);

/** Notes damage (the first reason stays) and returns the status that says so. */
Status damaged(StoreView& view, uint32_t reason, const char* what);

}  // namespace mofo
