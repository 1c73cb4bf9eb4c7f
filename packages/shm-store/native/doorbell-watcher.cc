#include "doorbell-watcher.h"

#include <signal.h>

namespace mofo {

namespace {

constexpr double SLICE_MS = 20;

}  // namespace

Status DoorbellWatcher::start() {
  stopping_ = false;
  count_ = std::make_unique<WatcherCount>(view_);
  seenRings_ = ringCount(view_);
  seenCommits_ = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_CHANNELS) + layout::CHANNEL_COMMITS);
  // Signals are for the threads of Node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(
      &thread_, nullptr,
      [](void* self) -> void* {
        static_cast<DoorbellWatcher*>(self)->watch();
        return nullptr;
      },
      this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    count_.reset();
    return Status::fail("SYSTEM_ERROR", "starting the thread that waits for the doorbell failed.", error);
  }
  isRunning_ = true;
  return Status::ok();
}

void DoorbellWatcher::stop() {
  stopping_ = true;
  if (isRunning_) pthread_join(thread_, nullptr);
  isRunning_ = false;
  count_.reset();
}

void DoorbellWatcher::watch() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    const uint32_t rings = ringCount(view_);
    if (rings == seenRings_) {
      count_->ensure();
      sleepOnDoorbell(view_, rings, SLICE_MS);
      continue;
    }
    const uint32_t commits = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_CHANNELS) + layout::CHANNEL_COMMITS);
    const bool isCommitsOnly = (rings - seenRings_) / 2 <= commits - seenCommits_;
    seenRings_ = rings;
    seenCommits_ = commits;
    listener_();
    if (isCommitsOnly) napAfterCommits();
  }
}

}  // namespace mofo
