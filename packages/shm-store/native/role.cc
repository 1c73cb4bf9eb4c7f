#include "role.h"

#include <sched.h>
#include <algorithm>
#include <cerrno>
#include "clock.h"
#include "stores.h"

namespace mofo {

namespace {

/** A watcher has the lock for a microsecond; it may be preempted meanwhile. */
constexpr double WATCHER_HOLD_MS = 5;

uint32_t* roleSlotOf(const StoreView& view) { return view.controlAt<uint32_t>(layout::CONTROL_ROLE_SLOT); }

/** True if the lock's holder is the thread that CONTROL_ROLE_SLOT names, or nobody is named: not a watcher passing through. */
bool isHeldByOwner(const StoreView& view) {
  const uint32_t owner = loadWord(roleSlotOf(view));
  if (owner == 0 || owner > layout::SLOT_COUNT) return false;
  return holderOf(roleLockOf(view)) == loadWord(view.slotAt<uint32_t>(owner - 1, layout::SLOT_TID));
}

}  // namespace

Status tryAcquireRole(StoreView& view, bool& acquired) {
  acquired = false;
  pthread_mutex_t* mutex = roleLockOf(view);
  int error = pthread_mutex_trylock(mutex);
  if (error == EBUSY && !isHeldByOwner(view)) {
    const double untilMs = monotonicMs() + WATCHER_HOLD_MS;
    while (error == EBUSY && !isHeldByOwner(view) && monotonicMs() < untilMs) {
      sched_yield();
      error = pthread_mutex_trylock(mutex);
    }
  }
  if (error == EBUSY) return Status::ok();
  if (error == EDEADLK) {
    acquired = true;
    return Status::ok();
  }
  if (error != 0 && error != EOWNERDEAD) return Status::fail("LOCK_FAILED", "the role lock could not be taken.", error);
  if (error == EOWNERDEAD) {
    storeDouble(view.controlAt<double>(layout::CONTROL_ROLE_DEATH_AT), monotonicMs());
    pthread_mutex_consistent(mutex);
  }
  storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_ROLE), ROLE_MAIN);
  storeWord(roleSlotOf(view), view.slot + 1);
  acquired = true;
  return Status::ok();
}

Status raiseTerm(StoreView& view, WaitGate& gate, double& term) {
  if (!hasRole(view)) return Status::fail("LOCK_FAILED", "only the owner of the role raises the term, and this thread is not it.");
  Status status = lockWrite(view, gate, -1);
  if (!status.isOk()) return status;
  if (loadWord(view.controlAt<uint32_t>(layout::CONTROL_RETIRED)) != 0) {
    status = Status::fail("RETIRED", "the store was destroyed or replaced by a restore while this handle was open.");
  } else if (loadWord(view.controlAt<uint32_t>(layout::CONTROL_DAMAGED)) != 0) {
    status = Status::fail("STORE_DAMAGED", "recovery found this store damaged.");
  } else {
    double* current = view.controlAt<double>(layout::CONTROL_TERM);
    term = loadDouble(current) + 1;
    storeDouble(current, term);
    storeDouble(view.slotAt<double>(view.slot, layout::SLOT_TERM), term);
  }
  unlockWrite(view);
  return status;
}

void releaseRole(StoreView& view) {
  if (!hasRole(view)) return;
  storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_ROLE), 0);
  storeWord(roleSlotOf(view), 0);
  pthread_mutex_unlock(roleLockOf(view));
}

bool hasRole(const StoreView& view) {
  return loadWord(roleSlotOf(view)) == view.slot + 1 && holderOf(roleLockOf(view)) == loadWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_TID));
}

SlotReading readSlot(const StoreView& view, uint32_t slot) {
  const auto word = [&](uint64_t offset) { return loadWord(view.slotAt<uint32_t>(slot, offset)); };
  const auto number = [&](uint64_t offset) { return loadDouble(view.slotAt<double>(slot, offset)); };
  SlotReading reading;
  reading.slot = slot;
  reading.state = word(layout::SLOT_STATE);
  reading.pid = word(layout::SLOT_PID);
  reading.tid = word(layout::SLOT_TID);
  reading.role = word(layout::SLOT_ROLE);
  reading.generation = word(layout::SLOT_GENERATION);
  reading.startTime = number(layout::SLOT_START_TIME);
  reading.term = number(layout::SLOT_TERM);
  reading.mark = number(layout::SLOT_MARK);
  reading.transactionId = number(layout::SLOT_TRANSACTION_ID);
  reading.waitingFor = word(layout::SLOT_WAITING_FOR);
  reading.waitingOwner = word(layout::SLOT_WAITING_OWNER);
  reading.waitingSinceMs = number(layout::SLOT_WAITING_SINCE);
  reading.running = word(layout::SLOT_RUNNING);
  reading.runningSerial = word(layout::SLOT_RUNNING_SERIAL);
  reading.deadlineMs = number(layout::SLOT_DEADLINE);
  reading.heartbeatMs = number(layout::SLOT_HEARTBEAT);
  reading.heartbeatLimitMs = number(layout::SLOT_HEARTBEAT_LIMIT);
  reading.runStartedMs = number(layout::SLOT_RUN_STARTED);
  reading.taskId = number(layout::SLOT_TASK_ID);
  const uint32_t length = std::min<uint32_t>(word(layout::SLOT_LABEL), layout::SLOT_LABEL_BYTES - 4);
  reading.label.assign(view.slotAt<char>(slot, layout::SLOT_LABEL + 4), length);
  return reading;
}

}  // namespace mofo
