#include "doorbell-watcher.h"

#include <signal.h>

namespace mofo {

namespace {

constexpr double SLICE_MS = 20;

}  // namespace

Status DoorbellWatcher::start() {
  stopping_ = false;
  count_ = std::make_unique<WatcherCount>(view_);
  seen_ = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_DOORBELL));
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
    const uint32_t now = loadWord(view_.controlAt<uint32_t>(layout::CONTROL_DOORBELL));
    if (now != seen_) {
      seen_ = now;
      listener_();
      continue;
    }
    count_->ensure();
    sleepOnDoorbell(view_, now, SLICE_MS);
  }
}

}  // namespace mofo
