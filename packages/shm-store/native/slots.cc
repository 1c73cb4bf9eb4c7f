#include "slots.h"

#include <unistd.h>
#include <cstring>
#include "process.h"

namespace mofo {

namespace {

constexpr uint32_t NO_SLOT = UINT32_MAX;
constexpr uint32_t FREE = 0;
constexpr uint32_t USED = 1;

/** The slot of a dead role owner or of a thread that died while it ran something: whoever judges the death reads it. Taken last. */
bool isEvidence(const StoreView& view, uint32_t slot) {
  return *view.slotAt<uint32_t>(slot, layout::SLOT_RUNNING) != 0 || *view.controlAt<uint32_t>(layout::CONTROL_ROLE_SLOT) == slot + 1;
}

void writeIdentity(const StoreView& view, uint32_t slot) {
  const uint32_t tid = currentThreadId();
  // Free until the last store below, also when the slot was a dead thread's.
  __atomic_store_n(view.slotAt<uint32_t>(slot, layout::SLOT_STATE), FREE, __ATOMIC_RELEASE);
  *view.slotAt<uint32_t>(slot, layout::SLOT_PID) = uint32_t(getpid());
  *view.slotAt<uint32_t>(slot, layout::SLOT_TID) = tid;
  *view.slotAt<uint32_t>(slot, layout::SLOT_ROLE) = 0;
  *view.slotAt<double>(slot, layout::SLOT_START_TIME) = double(threadStartTime(uint32_t(getpid()), tid));
  *view.slotAt<double>(slot, layout::SLOT_TERM) = 0;
  *view.slotAt<uint32_t>(slot, layout::SLOT_GENERATION) += 1;
  // Waiting, running and user words; journal words are zero already and the two counts of reserved pages stay true.
  memset(view.slotAt<uint8_t>(slot, layout::SLOT_WAITING_FOR), 0, layout::SLOT_BYTES - layout::SLOT_WAITING_FOR);
  __atomic_store_n(view.slotAt<uint32_t>(slot, layout::SLOT_STATE), USED, __ATOMIC_RELEASE);
}

}  // namespace

SlotOwner slotOwner(const StoreView& view, uint32_t slot) {
  if (__atomic_load_n(view.slotAt<uint32_t>(slot, layout::SLOT_STATE), __ATOMIC_ACQUIRE) == FREE) return SlotOwner::none;
  const int64_t started =
      threadStartTime(*view.slotAt<uint32_t>(slot, layout::SLOT_PID), *view.slotAt<uint32_t>(slot, layout::SLOT_TID));
  if (started == NOT_TOLD) return SlotOwner::alive;
  return double(started) == *view.slotAt<double>(slot, layout::SLOT_START_TIME) ? SlotOwner::alive : SlotOwner::dead;
}

bool isSlotPending(const StoreView& view, uint32_t slot) {
  return *view.slotAt<double>(slot, layout::SLOT_MARK) != 0 || *view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT) != 0 ||
         *view.slotAt<double>(slot, layout::SLOT_TRANSACTION_ID) != 0;
}

Status claimSlot(StoreView& view, const std::function<Status()>& recover) {
  uint32_t freeSlot = NO_SLOT, deadSlot = NO_SLOT, evidenceSlot = NO_SLOT;
  bool pending = false;
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    const SlotOwner owner = slotOwner(view, slot);
    if (owner == SlotOwner::alive) continue;
    // A slot given back with its journal not empty (closed after damage was found) waits for recovery like a dead thread's.
    const bool slotPending = isSlotPending(view, slot);
    pending = pending || slotPending;
    uint32_t& kind = owner == SlotOwner::none && !slotPending ? freeSlot : isEvidence(view, slot) ? evidenceSlot : deadSlot;
    if (kind == NO_SLOT) kind = slot;
  }
  const uint32_t chosen = freeSlot != NO_SLOT ? freeSlot : deadSlot != NO_SLOT ? deadSlot : evidenceSlot;
  if (chosen == NO_SLOT)
    return Status::fail("TOO_MANY_PROCESSES", std::to_string(layout::SLOT_COUNT) + " living threads are attached to the store already.");
  view.slot = chosen;
  if (pending) {
    Status status = recover();
    // A damaged store may still be attached to, to be read, exported or destroyed, in a slot that nobody left anything in.
    const bool mayStay = !status.isOk() && strcmp(status.code(), "STORE_DAMAGED") == 0 && !isSlotPending(view, chosen);
    if (!status.isOk() && !mayStay) return status;
  }
  if (isSlotPending(view, chosen))
    return Status::fail("TOO_MANY_PROCESSES", "every slot is taken by a living thread or waits for recovery.");
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    if (slot != chosen && slotOwner(view, slot) == SlotOwner::dead && !isSlotPending(view, slot) && !isEvidence(view, slot))
      __atomic_store_n(view.slotAt<uint32_t>(slot, layout::SLOT_STATE), FREE, __ATOMIC_RELEASE);
  }
  writeIdentity(view, chosen);
  return Status::ok();
}

void releaseSlot(const StoreView& view) {
  __atomic_store_n(view.slotAt<uint32_t>(view.slot, layout::SLOT_STATE), FREE, __ATOMIC_RELEASE);
}

}  // namespace mofo
