#include "lock.h"

#include <sched.h>
#include <algorithm>
#include <cerrno>
#include <string>
#include "clock.h"
#include "recovery.h"
#include "stores.h"

namespace mofo {

namespace {

/** A wait as long as this is starvation. */
constexpr double STARVING_MS = 10;
/** Longest single sleep: how late a leaving thread, a timeout or a starved waiter is noticed. */
constexpr double SLICE_MS = 10;
/** Longest time for which a taker lets a starving waiter go first. */
constexpr double STAND_BACK_MS = 20;
/** Looks at a held lock before sleeping: transactions are short, and a sleep and its wake-up cost 50 µs. */
constexpr int SPIN_COUNT = 100;

void pauseCpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

uint32_t* starvingOf(const StoreView& view) { return view.controlAt<uint32_t>(layout::CONTROL_WRITE_STARVING); }

int makeLock(pthread_mutex_t* mutex) {
  pthread_mutexattr_t attributes;
  int error = pthread_mutexattr_init(&attributes);
  if (error != 0) return error;
  error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (error == 0) error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (error == 0) error = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  if (error == 0) error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return error;
}

/** Lets the starving waiter go first, for a while. */
void standBack(const StoreView& view, uint32_t starving) {
  const double sinceMs = monotonicMs();
  while (loadWord(starvingOf(view)) == starving) {
    if (monotonicMs() - sinceMs > STAND_BACK_MS) {
      // The lock is free and the starving one did not take it: it is dead or stopped. Living, it will say so again.
      if (holderOf(writeLockOf(view)) == 0) swapWord(starvingOf(view), starving, 0);
      return;
    }
    const timespec nap = toTimespec(0.05);
    nanosleep(&nap, nullptr);
  }
}

/** Waits for a lock that somebody holds. Answers what pthread_mutex_lock would, ETIMEDOUT, or ECANCELED when the gate says leave. */
int waitForWriteLock(StoreView& view, WaitGate& gate, int64_t timeoutMs) {
  pthread_mutex_t* mutex = writeLockOf(view);
  for (int look = 0; look < SPIN_COUNT && timeoutMs != 0; look++) {
    pauseCpu();
    if (holderOf(mutex) != 0) continue;
    const int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY) return error;
  }

  const uint32_t self = view.slot + 1;
  const double sinceMs = monotonicMs();
  storeDouble(view.slotAt<double>(view.slot, layout::SLOT_WAITING_SINCE), sinceMs);
  storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_WAITING_OWNER), holderOf(mutex));
  storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_WAITING_FOR), 1);
  int error = ETIMEDOUT;
  for (double nowMs = sinceMs;; nowMs = monotonicMs()) {
    const double leftMs = timeoutMs < 0 ? SLICE_MS : sinceMs + double(timeoutMs) - nowMs;
    if (leftMs <= 0) break;
    if (nowMs - sinceMs >= STARVING_MS && loadWord(starvingOf(view)) == 0) swapWord(starvingOf(view), 0, self);
    error = lockUntil(mutex, nowMs + std::min(leftMs, SLICE_MS));
    if (error != ETIMEDOUT) break;
    if (gate.mustLeave()) {
      error = ECANCELED;
      break;
    }
    storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_WAITING_OWNER), holderOf(mutex));
  }
  if (loadWord(starvingOf(view)) == self) swapWord(starvingOf(view), self, 0);
  storeWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_WAITING_FOR), 0);
  return error;
}

/** Recovers what a dead owner left. Keeps the lock if that went well, gives it back if not. */
Status takeOver(StoreView& view) {
  Status status = recoverAll(view);
#ifndef MOFO_PLANT_NO_CONSISTENT
  pthread_mutex_consistent(writeLockOf(view));
#endif
  if (!status.isOk()) unlockWrite(view);
  return status;
}

Status refuse(StoreView& view, int error, int64_t timeoutMs) {
  switch (error) {
    case ETIMEDOUT:
      return Status::fail("LOCK_TIMEOUT", "the write lock was held by thread " + std::to_string(holderOf(writeLockOf(view))) + " for the " +
                                              std::to_string(timeoutMs) + " ms that it was waited for.");
    case ECANCELED:
      return Status::fail("EXITING", "the thread is being ended while it waits for the write lock.");
    case EDEADLK:
      return Status::fail("IN_TRANSACTION", "this thread holds the write lock already.");
    case ENOTRECOVERABLE:
      return damaged(view, DAMAGE_LOCK, "the write lock was given up by a process that had not recovered it.");
    default:
      return Status::fail("LOCK_FAILED", "the write lock could not be taken.", error);
  }
}

}  // namespace

Status initLocks(StoreView& view) {
  int error = makeLock(writeLockOf(view));
  if (error == 0) error = makeLock(roleLockOf(view));
  return error == 0 ? Status::ok() : Status::fail("LOCK_FAILED", "the C library cannot make robust locks in shared memory.", error);
}

uint32_t holderOf(const pthread_mutex_t* mutex) {
  // Both libraries keep the kernel's lock word in the mutex: thread id, and two flag bits above it.
#ifdef __GLIBC__
  const uint32_t* word = reinterpret_cast<const uint32_t*>(mutex);
#else
  const uint32_t* word = reinterpret_cast<const uint32_t*>(mutex) + 1;
#endif
  return __atomic_load_n(word, __ATOMIC_RELAXED) & 0x3fffffffu;
}

int lockUntil(pthread_mutex_t* mutex, double untilMs) {
  // Only glibc has the call for the right clock, and the thread sanitizer does not know it.
#if defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
  const timespec until = toTimespec(untilMs);
  return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
#else
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const timespec until = toTimespec(double(now.tv_sec) * 1000 + double(now.tv_nsec) / 1e6 + (untilMs - monotonicMs()));
  return pthread_mutex_timedlock(mutex, &until);
#endif
}

Status lockWrite(StoreView& view, WaitGate& gate, int64_t timeoutMs) {
  const uint32_t starving = loadWord(starvingOf(view));
  if (starving != 0 && starving != view.slot + 1) standBack(view, starving);
  int error = pthread_mutex_trylock(writeLockOf(view));
  if (error == EBUSY) error = waitForWriteLock(view, gate, timeoutMs);
  if (error == 0) return Status::ok();
  return error == EOWNERDEAD ? takeOver(view) : refuse(view, error, timeoutMs);
}

Status lockWrite(StoreView& view, const std::atomic<bool>& exiting, int64_t timeoutMs) {
  FlagGate gate(exiting);
  return lockWrite(view, gate, timeoutMs);
}

void unlockWrite(StoreView& view) { pthread_mutex_unlock(writeLockOf(view)); }

Status assistReader(StoreView& view, Assist& result) {
  int error = pthread_mutex_trylock(writeLockOf(view));
  if (error == EBUSY) {
    result = Assist::Busy;
    return Status::ok();
  }
  result = Assist::Idle;
  if (error == EOWNERDEAD) {
    Status status = takeOver(view);
    if (!status.isOk()) return status;
    result = Assist::Recovered;
  } else if (error != 0) {
    return refuse(view, error, 0);
  }
  Status status = Status::ok();
  if (loadWord(view.controlAt<uint32_t>(layout::CONTROL_DAMAGED)) != 0)
    status = Status::fail("STORE_DAMAGED", "recovery found this store damaged.");
  else if ((loadWord(view.controlAt<uint32_t>(layout::CONTROL_SEQUENCE)) & 1) != 0)
    status = recoverAll(view);
  unlockWrite(view);
  return status;
}

}  // namespace mofo
