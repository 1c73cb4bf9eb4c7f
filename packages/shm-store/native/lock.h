// The write lock: a robust, process-shared, error-checking mutex in control, and what makes it fair and recoverable.
//
// - Nobody takes it from a living thread (R7). If its owner dies, the kernel hands it over with EOWNERDEAD and the taker
//   recovers the dead one's journal before anything else, then calls pthread_mutex_consistent (without it the lock is bricked).
// - Waits are slices of at most 10 ms, so that an exiting thread gets out (R9). A waiter publishes in its slot that it waits, since when and
//   for whom.
// - Mutexes let whoever runs barge past the sleepers. A waiter that has waited for 10 ms writes its slot number + 1 into
//   CONTROL_WRITE_STARVING; every other taker then stands back, for at most 20 ms, until it got the lock. The word is a hint: a starving
//   waiter that is killed leaves it set, and the first taker that stood back for nothing clears it.
// - Uncontended, taking it costs one compare-and-swap, no clock and no system call.
#pragma once
#include <pthread.h>
#include <atomic>
#include <cstdint>
#include "status.h"
#include "store-view.h"

namespace mofo {

/** Says between two slices of a wait whether the waiting thread must leave. */
class WaitGate {
 public:
  virtual ~WaitGate() = default;
  virtual bool mustLeave() = 0;
};

/** A gate that is a flag. */
class FlagGate final : public WaitGate {
 public:
  explicit FlagGate(const std::atomic<bool>& leaving) : leaving_(leaving) {}
  bool mustLeave() override { return leaving_.load(std::memory_order_relaxed); }

 private:
  const std::atomic<bool>& leaving_;
};

/** Makes both locks in a fresh control segment. */
Status initLocks(StoreView& view);

/**
 * Takes the write lock, recovering a dead owner's transaction first. `timeoutMs` -1 waits as long as it takes. Fails with LOCK_TIMEOUT, EXITING,
 * IN_TRANSACTION (this thread has it already), STORE_DAMAGED (recovery found damage) or LOCK_FAILED; then the lock is not held.
 */
Status lockWrite(StoreView& view, WaitGate& gate, int64_t timeoutMs);
Status lockWrite(StoreView& view, const std::atomic<bool>& exiting, int64_t timeoutMs);

/** Gives the write lock back. */
void unlockWrite(StoreView& view);

enum class Assist { Idle, Recovered, Busy };

/**
 * For a reader that sees an odd sequence: takes the write lock if nobody living has it and brings the store to rest. Never waits.
 * Fails with STORE_DAMAGED or LOCK_FAILED.
 */
Status assistReader(StoreView& view, Assist& result);

/** Thread id of a robust mutex's holder as its lock word says it; 0 if nobody holds it. */
uint32_t holderOf(const pthread_mutex_t* mutex);

/** pthread_mutex_lock with a deadline on the monotonic clock. */
int lockUntil(pthread_mutex_t* mutex, double untilMs);

inline pthread_mutex_t* writeLockOf(const StoreView& view) { return view.controlAt<pthread_mutex_t>(layout::CONTROL_WRITE_LOCK); }
inline pthread_mutex_t* roleLockOf(const StoreView& view) { return view.controlAt<pthread_mutex_t>(layout::CONTROL_ROLE_LOCK); }

static_assert(sizeof(pthread_mutex_t) <= layout::CONTROL_ROLE_LOCK - layout::CONTROL_WRITE_LOCK);
static_assert(sizeof(pthread_mutex_t) <= layout::CONTROL_SLOTS - layout::CONTROL_ROLE_LOCK);

}  // namespace mofo
