// Wait and notify across processes: 64 channel counters and one doorbell word, a futex that is rung with every channel.
//
//   doorbell word   | number of rings (31 bits) | 1: somebody sleeps on it |
//
// A ring adds one to its channel, then counts the doorbell up and clears its lowest bit in one compare-and-swap; only if the bit was set is there
// somebody to wake and a system call to make. A waiter sets the bit only if the number is still the one that it has dealt with, and sleeps on
// number and bit: a ring between its look and its sleep changes the word, so no wake-up is lost. Nothing counts sleepers, so a killed one leaves
// nothing but one system call. Sleeps are slices of at most 20 ms, which bounds the harm of a notifier killed before its system call.
//
// Commits ring channel 0 only while CONTROL_WATCHERS is not zero; it may count a killed watcher until recountWatchers, which costs two atomic
// additions a commit. SLOT_WATCHING counts the same per slot. Whoever was woken by commits alone naps for 0.2 ms before it sleeps on the
// doorbell again, so a stream of commits pays for 5,000 wake-ups a second and not for one each.
#pragma once
#include <atomic>
#include <cstdint>
#include "lock.h"
#include "store-view.h"
#include "stores.h"

namespace mofo {

inline bool isWatched(const StoreView& view) { return loadWord(view.controlAt<uint32_t>(layout::CONTROL_WATCHERS)) != 0; }

/** Counts a ring of a channel (below CHANNEL_COUNT); returns whether somebody sleeps and must be woken. */
bool ring(const StoreView& view, uint64_t channel);
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

/** Number of rings so far. */
uint32_t ringCount(const StoreView& view);

/** Sleeps until the number of rings differs from `seen`, at most 20 ms and `limitMs`. */
void sleepOnDoorbell(const StoreView& view, uint32_t seen, double limitMs);

/** The pause of a waiter that commits alone have woken. */
void napAfterCommits();

enum class Waited { Changed, TimedOut, MustLeave };

/** Waits until a channel's counter differs from `seen`; `timeoutMs` below 0 waits as long as it takes. */
Waited waitChannel(const StoreView& view, uint64_t channel, uint32_t seen, double timeoutMs, WaitGate& gate);

}  // namespace mofo
