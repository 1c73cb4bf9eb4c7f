#include "role-watcher.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "clock.h"
#include "process.h"
#include "stores.h"

namespace mofo {

namespace {

constexpr double SLICE_MS = 20;
/** So long after a limit is it looked at again: late enough to have passed, early enough to count as at once. */
constexpr double LOOK_DELAY_MS = 0.2;
constexpr double LOOK_MIN_MS = 0.5;
/** A watcher that slept this much longer than it meant to was not scheduled, and main perhaps neither. */
constexpr double LAG_MS = 100;
constexpr double LAG_GRACE_MAX_MS = 10000;
/** A killed process that has not died by then is stuck in the kernel, frozen or traced. */
constexpr double KILL_LIMIT_MS = 2000;
/** Budget of a main whose blocker was killed, and of one that could not be killed, before it is judged again. */
constexpr double GRACE_MIN_MS = 100;
constexpr long PIDFD_SEND_SIGNAL = 424;

bool isDeadlineMissed(const SlotReading& slot, double nowMs) { return slot.deadlineMs > 0 && nowMs > slot.deadlineMs; }

bool isHeartbeatMissed(const SlotReading& slot, double nowMs) {
  return slot.heartbeatLimitMs > 0 && slot.heartbeatMs > 0 && nowMs - slot.heartbeatMs > slot.heartbeatLimitMs;
}

bool isSameRun(const SlotReading& left, const SlotReading& right) {
  return left.generation == right.generation && left.runningSerial == right.runningSerial && left.deadlineMs == right.deadlineMs &&
         left.heartbeatMs == right.heartbeatMs;
}

std::string describe(const SlotReading& slot, double nowMs) {
  if (isDeadlineMissed(slot, nowMs)) return "deadline missed by " + std::to_string(long(nowMs - slot.deadlineMs)) + " ms";
  return "no heartbeat for " + std::to_string(long(nowMs - slot.heartbeatMs)) + " ms";
}

}  // namespace

Status RoleWatcher::start() {
  stopping_ = false;
  // Signals are for the threads of Node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(
      &thread_, nullptr,
      [](void* self) -> void* {
        static_cast<RoleWatcher*>(self)->watch();
        static_cast<RoleWatcher*>(self)->park();
        return nullptr;
      },
      this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return Status::fail("SYSTEM_ERROR", "starting the thread that waits for the role failed.", error);
  isRunning_ = true;
  return Status::ok();
}

void RoleWatcher::stop() {
  {
    const std::lock_guard<std::mutex> lock(parking_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (isRunning_) pthread_join(thread_, nullptr);
  isRunning_ = false;
}

/**
 * The report wakes the JavaScript thread, often on this processor, while the dead process is being cleared away on another. To sleep lets it run now; to
 * end would let it wait until this thread is taken down.
 */
void RoleWatcher::park() {
  std::unique_lock<std::mutex> lock(parking_);
  stopped_.wait(lock, [this] { return stopping_.load(); });
}

void RoleWatcher::watch() {
  pthread_mutex_t* mutex = roleLockOf(view_);
  double plannedMs = monotonicMs();
  while (!stopping_.load(std::memory_order_relaxed)) {
    const double nowMs = monotonicMs();
    const double lagMs = nowMs - plannedMs;
    if (lagMs > LAG_MS) graceUntilMs_ = std::max(graceUntilMs_, nowMs + std::min(lagMs, LAG_GRACE_MAX_MS));
    plannedMs = judgesHangs_ ? judge(nowMs) : nowMs + SLICE_MS;
    const int error = lockUntil(mutex, plannedMs);
    if (error == ETIMEDOUT) continue;
    if (error == 0 || error == EOWNERDEAD) {
      settle(error == EOWNERDEAD, monotonicMs());
    } else {
      report(RoleEventKind::Failed, SlotReading(), monotonicMs(), std::string("the role lock cannot be waited for: ") + strerror(error));
    }
    return;
  }
}

void RoleWatcher::settle(bool ownerDied, double nowMs) {
  const uint32_t owner = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_ROLE_SLOT));
  const bool isNamed = owner != 0 && owner <= layout::SLOT_COUNT;
  const SlotReading slot = isNamed ? readSlot(view_, owner - 1) : SlotReading();
  if (ownerDied) {
    storeDouble(view_.controlAt<double>(layout::CONTROL_ROLE_DEATH_AT), nowMs);
    pthread_mutex_consistent(roleLockOf(view_));
  }
  pthread_mutex_unlock(roleLockOf(view_));
  // A name that stands after the lock is free means death too: another watcher made the lock consistent first.
  if (!ownerDied && !isNamed) {
    report(RoleEventKind::Released, slot, nowMs, "");
  } else if (isKilled(slot)) {
    report(RoleEventKind::Hang, killed_.victim, nowMs, killed_.detail);
  } else {
    report(RoleEventKind::Dead, slot, nowMs, "");
  }
}

bool RoleWatcher::isKilled(const SlotReading& owner) const {
  return killedAtMs_ != 0 && owner.slot == killedOwner_.slot && owner.generation == killedOwner_.generation;
}

double RoleWatcher::judge(double nowMs) {
  const double sliceEndMs = nowMs + SLICE_MS;
  const uint32_t ownerNumber = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_ROLE_SLOT));
  if (ownerNumber == 0 || ownerNumber > layout::SLOT_COUNT) return sliceEndMs;
  const SlotReading owner = readSlot(view_, ownerNumber - 1);
  // One's own process is not killed from inside, and a name without a holder is somebody dead.
  if (owner.pid == uint32_t(getpid()) || owner.state == 0 || holderOf(roleLockOf(view_)) != owner.tid) return sliceEndMs;
  if (ownerPidfdPid_ != owner.pid || ownerPidfdStartTime_ != owner.startTime) {
    std::string why;
    ownerPidfd_.reset();
    (void)openVictim(owner, ownerPidfd_, why);
    ownerPidfdPid_ = owner.pid;
    ownerPidfdStartTime_ = owner.startTime;
  }
  if (isKilled(owner)) {
    if (nowMs - killedAtMs_ > KILL_LIMIT_MS && !killOverdueReported_) {
      killOverdueReported_ = true;
      report(RoleEventKind::CannotKill, killed_.victim, nowMs, "it was killed but has not died: stuck in the kernel, frozen or traced");
    }
    return sliceEndMs;
  }
  if (nowMs < graceUntilMs_) return std::min(sliceEndMs, graceUntilMs_ + LOOK_MIN_MS);
  if (isDeadlineMissed(owner, nowMs) || isHeartbeatMissed(owner, nowMs)) {
    const Verdict verdict{blameFor(owner), describe(owner, nowMs)};
    // The run may have ended between the readings.
    if (isSameRun(owner, readSlot(view_, owner.slot))) killVictim(owner, verdict, nowMs);
    return nowMs + LOOK_MIN_MS;
  }
  double nextMs = sliceEndMs;
  if (owner.deadlineMs > 0) nextMs = std::min(nextMs, owner.deadlineMs + LOOK_DELAY_MS);
  if (owner.heartbeatLimitMs > 0 && owner.heartbeatMs > 0) nextMs = std::min(nextMs, owner.heartbeatMs + owner.heartbeatLimitMs + LOOK_DELAY_MS);
  return std::max(nextMs, nowMs + LOOK_MIN_MS);
}

/** Main itself, or, if it waits for the write lock, the slot of the living thread that holds it (R9). */
SlotReading RoleWatcher::blameFor(const SlotReading& owner) const {
  if (owner.waitingFor != WAITING_FOR_WRITE_LOCK) return owner;
  const uint32_t holder = holderOf(writeLockOf(view_));
  if (holder == 0 || holder == owner.tid) return owner;
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    const SlotReading reading = readSlot(view_, slot);
    if (reading.state != 0 && reading.tid == holder && double(threadStartTime(reading.pid, reading.tid)) == reading.startTime) return reading;
  }
  return owner;
}

bool RoleWatcher::openVictim(const SlotReading& victim, FileDescriptor& pidfd, std::string& why) const {
  const int64_t startTime = threadStartTime(victim.pid, 0);
  if (startTime == NOT_ALIVE) return false;
  if (startTime == NOT_TOLD) {
    why = "/proc does not tell who process " + std::to_string(victim.pid) + " is";
    return false;
  }
  const Status status = openProcess(victim.pid, startTime, pidfd);
  if (!status.isOk()) {
    why = status.detail();
    return false;
  }
  // The slot names a thread; with its start time that thread is in the process behind the pidfd, or the number was given away.
  if (double(threadStartTime(victim.pid, victim.tid)) != victim.startTime) pidfd.reset();
  return bool(pidfd);
}

void RoleWatcher::killVictim(const SlotReading& owner, const Verdict& verdict, double nowMs) {
  const SlotReading& victim = verdict.victim;
  const bool isMain = victim.pid == owner.pid;
  const double budgetMs = std::max({owner.deadlineMs > 0 ? owner.deadlineMs - owner.runStartedMs : 0, owner.heartbeatLimitMs, GRACE_MIN_MS});
  if (victim.pid == uint32_t(getpid())) {
    graceUntilMs_ = nowMs + budgetMs;
    report(RoleEventKind::CannotKill, victim, nowMs, verdict.detail + "; the write lock that it waits for is held by this very process");
    return;
  }
  FileDescriptor opened;
  std::string why;
  if (!isMain || !ownerPidfd_) {
    if (!openVictim(victim, opened, why)) {
      // Dead already: the lock will say so. Otherwise it cannot be told who it is, and nobody is killed on a guess.
      graceUntilMs_ = nowMs + budgetMs;
      if (!why.empty()) report(RoleEventKind::CannotKill, victim, nowMs, verdict.detail + "; " + why);
      return;
    }
  }
  const int pidfd = isMain && ownerPidfd_ ? ownerPidfd_.get() : opened.get();
  if (syscall(PIDFD_SEND_SIGNAL, pidfd, SIGKILL, nullptr, 0) != 0) {
    if (errno == ESRCH) return;
    graceUntilMs_ = nowMs + budgetMs;
    report(RoleEventKind::CannotKill, victim, nowMs, verdict.detail + "; kill failed: " + strerror(errno));
    return;
  }
  if (isMain) {
    killedAtMs_ = nowMs;
    killedOwner_ = owner;
    killOverdueReported_ = false;
    killed_ = verdict;
    return;
  }
  // Main was made to wait by another; it gets its whole budget again.
  graceUntilMs_ = nowMs + budgetMs;
  report(RoleEventKind::HolderKilled, victim, nowMs, verdict.detail);
}

void RoleWatcher::report(RoleEventKind kind, const SlotReading& slot, double atMs, std::string detail) const {
  RoleEvent event;
  event.kind = kind;
  event.slot = slot;
  event.atMs = atMs;
  event.detail = std::move(detail);
  listener_(event);
}

}  // namespace mofo
