// Wait and notify across processes: 64 channel counters and one doorbell word, a futex that is rung with every channel.
//
// A notifier adds one to its channel and to the doorbell, and makes the system call only if CONTROL_WATCHERS is not zero. A waiter announces
// itself there first, then compares, then sleeps on the doorbell's value: so a ring between the look and the sleep ends the sleep at once.
// Sleeps are slices of at most 20 ms, so nothing depends on a wake-up that a killed notifier did not send.
//
// CONTROL_WATCHERS may count a killed waiter; that costs one system call a commit until recountWatchers. SLOT_WATCHING counts the same per slot.
#pragma once
#include <atomic>
#include <cstdint>
#include "lock.h"
#include "store-view.h"
#include "stores.h"

namespace mofo {

inline bool isWatched(const StoreView& view) { return loadWord(view.controlAt<uint32_t>(layout::CONTROL_WATCHERS)) != 0; }

/** Counts a ring of a channel (below CHANNEL_COUNT), without the system call. */
void ring(const StoreView& view, uint64_t channel);
/** The system call: wakes whoever sleeps on the doorbell. */
void wakeWatchers(const StoreView& view);
/** Rings a channel and wakes whoever waits. Needs no lock. */
void notifyChannel(const StoreView& view, uint64_t channel);

/** While it lives its slot is counted as watching. */
class WatcherCount {
 public:
  explicit WatcherCount(const StoreView& view);
  ~WatcherCount();
  WatcherCount(const WatcherCount&) = delete;
  WatcherCount& operator=(const WatcherCount&) = delete;
  /** Counts itself again if a recount that ran at the same moment missed it. */
  void ensure() const;

 private:
  const StoreView& view_;
};

/** Sets CONTROL_WATCHERS to what the used slots say; for whoever takes a dead thread's slot. */
void recountWatchers(const StoreView& view);

/** Sleeps until the doorbell differs from `seen`, at most 20 ms and `limitMs`. */
void sleepOnDoorbell(const StoreView& view, uint32_t seen, double limitMs);

enum class Waited { Changed, TimedOut, MustLeave };

/** Waits until a channel's counter differs from `seen`; `timeoutMs` below 0 waits as long as it takes. */
Waited waitChannel(const StoreView& view, uint64_t channel, uint32_t seen, double timeoutMs, WaitGate& gate);

}  // namespace mofo
