// The role lock: held for life by main's JavaScript thread; its owner's death, and nothing else, starts a takeover (R6).
//
//   tryAcquireRole   whoever gets the lock writes its slot into CONTROL_ROLE_SLOT, which stays after a death: it says who died
//   raiseTerm        under the write lock, so after the dead one's journal is recovered: from here on the former main is fenced (R7)
//   releaseRole      a clean end: CONTROL_ROLE_SLOT is 0 before the unlock, so that waiters tell it from a death
//
// Waiting for it is the business of role-watcher.h.
#pragma once
#include <cstdint>
#include <string>
#include "lock.h"
#include "status.h"
#include "store-view.h"

namespace mofo {

constexpr uint32_t ROLE_MAIN = 1;
/** In SLOT_WAITING_FOR: the slot's thread waits for the write lock. */
constexpr uint32_t WAITING_FOR_WRITE_LOCK = 1;

/** Takes the role if nobody living has it; never waits longer than a watcher needs to let go of it (microseconds). */
Status tryAcquireRole(StoreView& view, bool& acquired);

/** Makes the role's owner the main of a new term. Fails with LOCK_FAILED if this slot has not got the role, or a code of lockWrite. */
Status raiseTerm(StoreView& view, WaitGate& gate, double& term);

/** Gives the role back if this slot has it. The term in the slot stays, so that the next main's term fences this process. */
void releaseRole(StoreView& view);

/** True if this slot has the role. */
bool hasRole(const StoreView& view);

/** The words of one slot, copied; they may be of different moments. */
struct SlotReading {
  uint32_t slot = 0, state = 0, pid = 0, tid = 0, role = 0, generation = 0;
  double startTime = 0, term = 0, mark = 0, transactionId = 0;
  uint32_t waitingFor = 0, waitingOwner = 0;
  double waitingSinceMs = 0;
  uint32_t running = 0, runningSerial = 0;
  double deadlineMs = 0, heartbeatMs = 0, heartbeatLimitMs = 0, runStartedMs = 0, taskId = 0;
  std::string label;
};

SlotReading readSlot(const StoreView& view, uint32_t slot);

}  // namespace mofo
