// Process slots: who is attached. A slot belongs to one thread, named by pid, thread id and the thread's start time.
//
//   free (state 0) --claim, under the create lock: identity first, state last--> used (state 1)
//   used --release, by its own thread: one store of state 0--> free
//   used, thread dead --sweep, under the create lock: recovery first if its journal is not empty--> free
//     (what a dead role owner or a thread that died while running something left is evidence, swept only when nothing else is free)
//
// Only holders of the create lock turn free into used or take a dead thread's slot, so two claimers never meet. The only store made without
// that lock is the owner's own release, its last store into the slot. A claimer killed half-way leaves the slot free; a thread killed before or
// during release leaves it used and dead. A thread killed in a transaction leaves mark, undo count or transaction id set, and those are cleared only by
// recovery, under the write lock, transaction id last: a dead slot with all three zero is touched by no recoverer any more.
#pragma once
#include <cstdint>
#include <functional>
#include "status.h"
#include "store-view.h"

namespace mofo {

enum class SlotOwner { none, alive, dead };

SlotOwner slotOwner(const StoreView& view, uint32_t slot);
/** True if a transaction of the slot was cut short: its journal must be recovered before the slot is used again. */
bool isSlotPending(const StoreView& view, uint32_t slot);

/**
 * Claims a slot for the calling thread and sets `view.slot`; the create lock must be held. `recover` replays the journals of dead
 * threads (it takes the write lock itself) and is called when a dead thread left one. TOO_MANY_PROCESSES when all are taken by living threads.
 */
Status claimSlot(StoreView& view, const std::function<Status()>& recover);
/** Gives the slot back; nothing in it may be touched afterwards. */
void releaseSlot(const StoreView& view);

}  // namespace mofo
