// Real processes for the tests: forked children over the shared image that are killed on purpose, and conditions that are waited for.
#pragma once
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <functional>
#include "../clock.h"
#include "../lock.h"
#include "../process.h"
#include "image.h"

namespace mofo::test {


constexpr double IN_TIME_MS = 3000;

inline bool isCode(const Status& status, const char* code) { return !status.isOk() && std::strcmp(status.code(), code) == 0; }

/** A child that runs the body and exits 0; killed by the parent at the latest when the object goes. */
class Child {
 public:
  explicit Child(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ != 0) return;
    body();
    _exit(0);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const { kill(pid_, signal); }
  /** Waits for the end; true if it was killed by a signal. */
  bool wait() {
    int status = 0;
    while (pid_ > 0 && waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFSIGNALED(status);
  }
  void end() {
    if (pid_ <= 0) return;
    send(SIGKILL);
    wait();
  }

 private:
  pid_t pid_;
};

/** Waits for a condition that another process brings about; false if it does not come in time. */
inline bool until(const std::function<bool()>& condition) {
  const double limitMs = monotonicMs() + IN_TIME_MS;
  while (!condition()) {
    if (monotonicMs() > limitMs) return false;
    const timespec nap = toTimespec(0.1);
    nanosleep(&nap, nullptr);
  }
  return true;
}

inline void napMs(double ms) {
  const timespec nap = toTimespec(ms);
  nanosleep(&nap, nullptr);
}

/** Writes the own identity into a slot, as claiming it does. */
inline void claim(Image& image, uint32_t slot) {
  image.setWord(Image::slotOffset(slot, layout::SLOT_PID), uint32_t(getpid()));
  image.setWord(Image::slotOffset(slot, layout::SLOT_TID), currentThreadId());
  image.setNumber(Image::slotOffset(slot, layout::SLOT_START_TIME), double(threadStartTime(uint32_t(getpid()), currentThreadId())));
  image.setWord(Image::slotOffset(slot, layout::SLOT_GENERATION), image.word(Image::slotOffset(slot, layout::SLOT_GENERATION)) + 1);
  image.setWord(Image::slotOffset(slot, layout::SLOT_STATE), 1);
}

/** Takes the lock within the time and gives it back. */
inline bool canTakeInTime(Image& image, uint32_t slot) {
  StoreView view = image.view(slot);
  NeverLeave gate;
  const double beganMs = monotonicMs();
  const Status status = lockWrite(view, gate, int64_t(IN_TIME_MS));
  if (!status.isOk()) {
    std::printf("  lock: %s %s\n", status.code(), status.detail().c_str());
    return false;
  }
  unlockWrite(view);
  return monotonicMs() - beganMs < IN_TIME_MS;
}

/** Words in shared memory for children to tell what they saw. */
struct Board {
  Image image;
  uint32_t* word(int index) const { return reinterpret_cast<uint32_t*>(image.main() + SIZE_BYTES / 2) + index; }
};

}  // namespace mofo::test
