// Several threads of one process with slots of their own, as workers are, for the thread sanitizer: every word that two of them touch is either
// under the write lock or read and written atomically.
#include <pthread.h>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>
#include "../clock.h"
#include "../doorbell-watcher.h"
#include "../process.h"
#include "../role-watcher.h"
#include "../stores.h"
#include "check.h"
#include "image.h"

using namespace mofo;
using namespace mofo::test;

namespace {

class Thread {
 public:
  explicit Thread(std::function<void()> body) : body_(std::move(body)) {
    if (pthread_create(&thread_, nullptr, run, this) != 0) abort();
  }
  ~Thread() { join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  void join() {
    if (!joined_) pthread_join(thread_, nullptr);
    joined_ = true;
  }

 private:
  static void* run(void* self) {
    static_cast<Thread*>(self)->body_();
    return nullptr;
  }
  std::function<void()> body_;
  pthread_t thread_;
  bool joined_ = false;
};

void napMs(double ms) {
  const timespec nap = toTimespec(ms);
  nanosleep(&nap, nullptr);
}

}  // namespace

TEST("threads take turns, and no addition is lost") {
  constexpr uint32_t THREADS = 3, ROUNDS = 400;
  Image image;
  std::memset(image.main() + HEAP_GRANULE * 16, 0, 16);
  std::atomic<uint32_t> failures{0};
  std::vector<std::unique_ptr<Thread>> threads;
  for (uint32_t slot = 0; slot < THREADS; slot++) {
    threads.push_back(std::make_unique<Thread>([&, slot] {
      StoreView view = image.view(slot);
      NeverLeave gate;
      TransactionCore core(&view, &gate);
      for (uint32_t round = 0; round < ROUNDS; round++) {
        if (!core.begin().isOk()) failures++;
        const uint32_t now = *view.mainAt<uint32_t>(HEAP_GRANULE * 16);
        uint32_t* journal = reinterpret_cast<uint32_t*>(view.journal(slot));
        const uint32_t entry[] = {HEAP_GRANULE, 1, now + 1, 0, 0, 0};
        std::memcpy(journal, entry, sizeof entry);
        if (!core.commit(6).isOk()) failures++;
      }
    }));
  }
  threads.clear();
  CHECK(failures == 0);
  CHECK(*image.view(0).mainAt<uint32_t>(HEAP_GRANULE * 16) == THREADS * ROUNDS);
}

TEST("a thread that ends with the lock held is recovered by the next") {
  Image image;
  const std::string before = image.mainBytes();
  StoreView first = image.view(0), second = image.view(1);
  NeverLeave gate;
  // Never destroyed, as an object of a dead process: its destructor would roll back from the wrong thread.
  alignas(TransactionCore) unsigned char room[sizeof(TransactionCore)];
  TransactionCore* left = new (room) TransactionCore(&first, &gate);
  Thread([&] {
    CHECK(left->begin().isOk());
    Writer(first).overwrite(HEAP_GRANULE, 1);
  }).join();
  TransactionCore core(&second, &gate);
  CHECK(core.begin().isOk());
  CHECK(image.mainBytes() == before);
  CHECK(core.commit(0).isOk());
  CHECK(image.isAtRest());
}

TEST("watchers start, hear and stop") {
  Image image;
  StoreView view = image.view(0);
  std::atomic<int> rings{0}, events{0};
  for (int round = 0; round < 5; round++) {
    DoorbellWatcher doorbell(image.view(1), [&] { rings++; });
    RoleWatcher role(image.view(1), true, [&](const RoleEvent&) { events++; });
    const int before = rings;
    CHECK(doorbell.start().isOk());
    CHECK(role.start().isOk());
    notifyChannel(view, 2);
    for (int wait = 0; wait < 1000 && rings == before; wait++) napMs(1);
    CHECK(rings > before);
    for (int wait = 0; wait < 1000 && events <= round; wait++) napMs(1);
  }
  CHECK(events == 5);
  CHECK(image.word(layout::CONTROL_WATCHERS) == 0);
}

int main(int argumentCount, char** arguments) { return runCases(argumentCount, arguments); }
