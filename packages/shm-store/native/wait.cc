#include "wait.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <climits>
#include "clock.h"

namespace mofo {

namespace {

constexpr double SLICE_MS = 20;
constexpr double NAP_MS = 0.2;
constexpr uint32_t SLEEPER_BIT = 1;
constexpr uint32_t RING_STEP = 2;

uint32_t* watchersOf(const StoreView& view) { return view.controlAt<uint32_t>(layout::CONTROL_WATCHERS); }
uint32_t* doorbellOf(const StoreView& view) { return view.controlAt<uint32_t>(layout::CONTROL_DOORBELL); }
uint32_t* channelOf(const StoreView& view, uint64_t channel) { return view.controlAt<uint32_t>(layout::CONTROL_CHANNELS) + channel; }

}  // namespace

bool ring(const StoreView& view, uint64_t channel) {
  addWord(channelOf(view, channel), 1);
  for (;;) {
    const uint32_t before = loadWord(doorbellOf(view));
    if (swapWord(doorbellOf(view), before, (before & ~SLEEPER_BIT) + RING_STEP)) return (before & SLEEPER_BIT) != 0;
  }
}

void wakeWatchers(const StoreView& view) { syscall(SYS_futex, doorbellOf(view), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

void notifyChannel(const StoreView& view, uint64_t channel) {
  if (ring(view, channel)) wakeWatchers(view);
}

WatcherCount::WatcherCount(const StoreView& view) : view_(view) {
  addWord(view.slotAt<uint32_t>(view.slot, layout::SLOT_WATCHING), 1);
  addWord(watchersOf(view), 1);
}

WatcherCount::~WatcherCount() {
  uint32_t* watchers = watchersOf(view_);
  // Never below zero: a recount may have left this one out.
  for (uint32_t count = loadWord(watchers); count != 0 && !swapWord(watchers, count, count - 1); count = loadWord(watchers)) {
  }
  addWord(view_.slotAt<uint32_t>(view_.slot, layout::SLOT_WATCHING), UINT32_MAX);
}

void WatcherCount::ensure() const {
  if (!isWatched(view_)) recountWatchers(view_);
}

void recountWatchers(const StoreView& view) {
  constexpr int TRIES = 8;
  for (int attempt = 0; attempt < TRIES; attempt++) {
    const uint32_t before = loadWord(watchersOf(view));
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
      if (loadWord(view.slotAt<uint32_t>(slot, layout::SLOT_STATE)) != 0) count += loadWord(view.slotAt<uint32_t>(slot, layout::SLOT_WATCHING));
    }
    if (swapWord(watchersOf(view), before, count)) return;
  }
}

uint32_t ringCount(const StoreView& view) { return loadWord(doorbellOf(view)) & ~SLEEPER_BIT; }

void sleepOnDoorbell(const StoreView& view, uint32_t seen, double limitMs) {
  const uint32_t asleep = seen | SLEEPER_BIT;
  const uint32_t now = loadWord(doorbellOf(view));
  if (now != asleep && (now != seen || !swapWord(doorbellOf(view), seen, asleep))) return;
  const timespec slice = toTimespec(std::clamp(limitMs, 0.0, SLICE_MS));
  syscall(SYS_futex, doorbellOf(view), FUTEX_WAIT, asleep, &slice, nullptr, 0);
}

void napAfterCommits() {
  const timespec nap = toTimespec(NAP_MS);
  nanosleep(&nap, nullptr);
}

Waited waitChannel(const StoreView& view, uint64_t channel, uint32_t seen, double timeoutMs, WaitGate& gate) {
  const uint32_t* counter = channelOf(view, channel);
  if (loadWord(counter) != seen) return Waited::Changed;
  const WatcherCount watching(view);
  const double untilMs = timeoutMs < 0 ? 0 : monotonicMs() + timeoutMs;
  for (;;) {
    const uint32_t rings = ringCount(view);
    if (loadWord(counter) != seen) return Waited::Changed;
    const double leftMs = timeoutMs < 0 ? SLICE_MS : untilMs - monotonicMs();
    if (leftMs <= 0) return Waited::TimedOut;
    if (gate.mustLeave()) return Waited::MustLeave;
    watching.ensure();
    sleepOnDoorbell(view, rings, leftMs);
    if (ringCount(view) != rings && loadWord(counter) == seen) napAfterCommits();
  }
}

}  // namespace mofo
