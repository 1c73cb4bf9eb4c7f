// A thread that sleeps on the doorbell and calls a listener after it was rung. Rings that come while a call is on its way are one call.
#pragma once
#include <pthread.h>
#include <atomic>
#include <functional>
#include <memory>
#include "status.h"
#include "wait.h"

namespace mofo {

class DoorbellWatcher {
 public:
  /** The view must outlive it. The listener runs on the watcher's thread. */
  DoorbellWatcher(const StoreView& view, std::function<void()> listener) : view_(view), listener_(std::move(listener)) {}
  ~DoorbellWatcher() { stop(); }
  DoorbellWatcher(const DoorbellWatcher&) = delete;
  DoorbellWatcher& operator=(const DoorbellWatcher&) = delete;

  /** Every ring after it returns is heard. */
  Status start();
  /** Ends the thread, at most a slice later. */
  void stop();

 private:
  void watch();

  StoreView view_;
  std::function<void()> listener_;
  std::unique_ptr<WatcherCount> count_;
  uint32_t seenRings_ = 0;
  uint32_t seenCommits_ = 0;
  pthread_t thread_{};
  bool isRunning_ = false;
  std::atomic<bool> stopping_{false};
};

}  // namespace mofo
