// A thread that waits for main's end, and brings it about when main hangs.
//
// It waits for the role lock in slices of at most 20 ms. When the kernel hands the lock over because its owner died, the thread notes the time,
// makes the lock consistent, gives it back and reports: it never owns the role, a takeover is the JavaScript thread's own try.
//
//   waiting --owner died--------------> Dead, or Hang if this thread killed it    (ends)
//           --owner released it-------> Released                                  (ends)
//           --deadline or heartbeat missed--> kill main, wait on: its death is confirmed by the lock (R7)
//                                       \--> main waits for the write lock of somebody else: kill that one, HolderKilled, give main a new budget (R9)
//           --the kill is refused, or not followed by death within 2 s--> CannotKill, wait on
//
// A process is killed through a pidfd whose start time was compared, so never another one that got its number. What the victim ran is copied before
// the kill. When the watcher itself was not scheduled for long (a frozen machine, SIGSTOP), it gives main as much time as it missed.
#pragma once
#include <pthread.h>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include "file-descriptor.h"
#include "role.h"
#include "store-view.h"

namespace mofo {

enum class RoleEventKind { Dead, Released, Hang, HolderKilled, CannotKill, Failed };

struct RoleEvent {
  RoleEventKind kind = RoleEventKind::Dead;
  /** The slot of who died or is to blame; state 0 and pid 0 when nobody is known. */
  SlotReading slot;
  /** When the lock was seen dead or free, or the kill was made; monotonic. */
  double atMs = 0;
  /** Which limit was missed, or why a kill failed. */
  std::string detail;
};

class RoleWatcher {
 public:
  using Listener = std::function<void(const RoleEvent&)>;

  /** The view must outlive it. `judgesHangs` false: only deaths are reported (under the inspector). The listener runs on the watcher's thread. */
  RoleWatcher(const StoreView& view, bool judgesHangs, Listener listener)
      : view_(view), judgesHangs_(judgesHangs), listener_(std::move(listener)) {}
  ~RoleWatcher() { stop(); }
  RoleWatcher(const RoleWatcher&) = delete;
  RoleWatcher& operator=(const RoleWatcher&) = delete;

  Status start();
  /** Ends the thread, at most a slice later. */
  void stop();
  /** What the thread runs; returns after Dead, Hang, Released, Failed or stop. */
  void watch();

 private:
  struct Verdict {
    SlotReading victim;
    std::string detail;
  };

  void park();
  /** Kills who hangs; returns when to look again. */
  double judge(double nowMs);
  void killVictim(const SlotReading& owner, const Verdict& verdict, double nowMs);
  bool isKilled(const SlotReading& owner) const;
  bool openVictim(const SlotReading& victim, FileDescriptor& pidfd, std::string& why) const;
  SlotReading blameFor(const SlotReading& owner) const;
  void report(RoleEventKind kind, const SlotReading& slot, double atMs, std::string detail) const;
  void settle(bool ownerDied, double nowMs);

  StoreView view_;
  bool judgesHangs_;
  Listener listener_;
  pthread_t thread_{};
  bool isRunning_ = false;
  std::atomic<bool> stopping_{false};
  std::mutex parking_;
  std::condition_variable stopped_;

  /** Not judged before. */
  double graceUntilMs_ = 0;
  /** When the role's owner was killed, and who it was; 0 if nobody. */
  double killedAtMs_ = 0;
  SlotReading killedOwner_;
  bool killOverdueReported_ = false;
  Verdict killed_;
  /** A pidfd opened before it is needed. */
  FileDescriptor ownerPidfd_;
  uint32_t ownerPidfdPid_ = 0;
  double ownerPidfdStartTime_ = 0;
};

}  // namespace mofo
