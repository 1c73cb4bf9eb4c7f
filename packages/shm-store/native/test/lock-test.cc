// Locks between real processes that are killed: at every store, at random moments, while they hold, wait, recover or starve. Whoever
// comes next must get the lock in time and find one state or the other.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include "../clock.h"
#include "../process.h"
#include "../recovery.h"
#include "../role-watcher.h"
#include "../stores.h"
#include "../wait.h"
#include "check.h"
#include "cut.h"
#include "image.h"

using namespace mofo;
using namespace mofo::test;

namespace {

constexpr double IN_TIME_MS = 3000;

bool isCode(const Status& status, const char* code) { return !status.isOk() && std::strcmp(status.code(), code) == 0; }

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
bool until(const std::function<bool()>& condition) {
  const double limitMs = monotonicMs() + IN_TIME_MS;
  while (!condition()) {
    if (monotonicMs() > limitMs) return false;
    const timespec nap = toTimespec(0.1);
    nanosleep(&nap, nullptr);
  }
  return true;
}

void napMs(double ms) {
  const timespec nap = toTimespec(ms);
  nanosleep(&nap, nullptr);
}

/** Writes the own identity into a slot, as claiming it does. */
void claim(Image& image, uint32_t slot) {
  image.setWord(Image::slotOffset(slot, layout::SLOT_PID), uint32_t(getpid()));
  image.setWord(Image::slotOffset(slot, layout::SLOT_TID), currentThreadId());
  image.setNumber(Image::slotOffset(slot, layout::SLOT_START_TIME), double(threadStartTime(uint32_t(getpid()), currentThreadId())));
  image.setWord(Image::slotOffset(slot, layout::SLOT_GENERATION), image.word(Image::slotOffset(slot, layout::SLOT_GENERATION)) + 1);
  image.setWord(Image::slotOffset(slot, layout::SLOT_STATE), 1);
}

void writeSomething(StoreView& view, uint32_t seed) {
  NeverLeave gate;
  TransactionCore core(&view, &gate);
  if (!core.begin().isOk()) _exit(1);
  Writer writer(view);
  writer.overwrite(HEAP_GRANULE, seed);
  writer.journal(HEAP_GRANULE + 1, 2, seed);
  if (!core.commit(writer.words()).isOk()) _exit(1);
}

/** Takes the lock within the time and gives it back. */
bool canTakeInTime(Image& image, uint32_t slot) {
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

}  // namespace

TEST("a holder killed after any store is followed by a waiter that recovers") {
  Board board;
  Image& image = board.image;
  const std::string fresh = image.save();
  const std::string before = image.mainBytes();
  {
    StoreView first = image.view(0);
    writeSomething(first, 5);
  }
  const std::string after = image.mainBytes();
  bool isNew = false;
  for (uint64_t k = 1;; k++) {
    image.restore(fresh);
    Child child([&] {
      StoreView view = image.view(0);
      cut::arm(k, cut::Ending::Kill);
      writeSomething(view, 5);
    });
    // Every other time begins to wait while it holds the lock.
    if (k % 2 == 0) {
      for (const double limitMs = monotonicMs() + 5; holderOf(writeLockOf(image.view(1))) == 0 && monotonicMs() < limitMs;) {
      }
      CHECK(canTakeInTime(image, 1));
    }
    const bool killed = child.wait();
    CHECK(canTakeInTime(image, 1) && canTakeInTime(image, 2));
    CHECK(image.isAtRest());
    const std::string now = image.mainBytes();
    CHECK_MESSAGE(now == after || (now == before && !isNew), "cut " + std::to_string(k));
    isNew = isNew || now == after;
    if (!killed) break;
    CHECK(k < 1000);
  }
  CHECK(isNew);
}

TEST("recoverers that die one after another leave a recoverable store") {
  Board board;
  Image& image = board.image;
  const std::string fresh = image.save();
  const std::string before = image.mainBytes();
  {
    StoreView first = image.view(0);
    writeSomething(first, 5);
  }
  const std::string after = image.mainBytes();
  for (uint64_t k = 3; k < 60; k += 6) {
    for (uint64_t j = 1; j < 40; j += 5) {
      image.restore(fresh);
      Child([&] {
        StoreView view = image.view(0);
        cut::arm(k, cut::Ending::Kill);
        writeSomething(view, 5);
      }).wait();
      for (uint64_t again = 0; again < 2; again++) {
        Child([&] {
          StoreView view = image.view(1);
          NeverLeave gate;
          cut::arm(j + again, cut::Ending::Kill);
          if (lockWrite(view, gate, -1).isOk()) unlockWrite(view);
        }).wait();
      }
      CHECK(canTakeInTime(image, 2));
      CHECK(image.isAtRest());
      const std::string now = image.mainBytes();
      CHECK(now == before || now == after);
    }
  }
}

TEST("a waiter killed after any store, also a starving one, keeps nobody from the lock") {
  for (uint64_t k = 1;; k++) {
    Board board;
    Image& image = board.image;
    StoreView holder = image.view(0);
    NeverLeave gate;
    CHECK(lockWrite(holder, gate, 0).isOk());
    Child child([&] {
      StoreView view = image.view(1);
      cut::arm(k, cut::Ending::Kill);
      if (!lockWrite(view, gate, -1).isOk()) _exit(1);
      unlockWrite(view);
    });
    CHECK(until([&] { return image.word(Image::slotOffset(1, layout::SLOT_WAITING_FOR)) == 1 || kill(child.pid(), 0) != 0 || k <= 2; }));
    napMs(25);
    if (k > 4) CHECK(image.word(Image::slotOffset(1, layout::SLOT_WAITING_OWNER)) == currentThreadId());
    unlockWrite(holder);
    const bool killed = child.wait();
    const double beganMs = monotonicMs();
    CHECK(canTakeInTime(image, 0) && canTakeInTime(image, 2));
    CHECK_MESSAGE(monotonicMs() - beganMs < 200, std::to_string(k));
    CHECK(image.word(layout::CONTROL_WRITE_STARVING) == 0);
    if (!killed) break;
    CHECK(k < 30);
  }
}

TEST("a lock held by a living process times out, and a gate lets a waiter out") {
  Board board;
  StoreView holder = board.image.view(0);
  NeverLeave gate;
  CHECK(lockWrite(holder, gate, 0).isOk());
  Child child([&] {
    StoreView view = board.image.view(1);
    std::atomic<bool> leaving{false};
    const double beganMs = monotonicMs();
    if (!isCode(lockWrite(view, leaving, 30), "LOCK_TIMEOUT") || monotonicMs() - beganMs < 29) _exit(1);
    if (!isCode(lockWrite(view, leaving, 0), "LOCK_TIMEOUT")) _exit(1);
    leaving = true;
    if (!isCode(lockWrite(view, leaving, -1), "EXITING")) _exit(1);
    Assist assist = Assist::Idle;
    if (!assistReader(view, assist).isOk() || assist != Assist::Busy) _exit(1);
    kill(getpid(), SIGKILL);
  });
  CHECK(child.wait());
  CHECK(board.image.word(Image::slotOffset(1, layout::SLOT_WAITING_FOR)) == 0);
  unlockWrite(holder);
}

TEST("a reader that finds the owner dead recovers without waiting") {
  Board board;
  Child([&] {
    StoreView view = board.image.view(0);
    NeverLeave gate;
    TransactionCore core(&view, &gate);
    if (!core.begin().isOk()) _exit(1);
    Writer(view).overwrite(HEAP_GRANULE, 1);
    kill(getpid(), SIGKILL);
  }).wait();
  CHECK(!board.image.isAtRest());
  StoreView reader = board.image.view(1);
  Assist assist = Assist::Busy;
  CHECK(assistReader(reader, assist).isOk() && assist == Assist::Recovered);
  CHECK(board.image.isAtRest());
  CHECK(assistReader(reader, assist).isOk() && assist == Assist::Idle);
}

TEST("damage found by recovery: the code, the control word, and a lock that still works") {
  Board board;
  Image& image = board.image;
  Child([&] {
    StoreView view = image.view(0);
    NeverLeave gate;
    TransactionCore core(&view, &gate);
    if (!core.begin().isOk()) _exit(1);
    image.setWord(Image::slotOffset(0, layout::SLOT_JOURNAL_WORDS), 5);
    image.setNumber(Image::slotOffset(0, layout::SLOT_MARK), 1);
    kill(getpid(), SIGKILL);
  }).wait();
  StoreView view = image.view(1);
  NeverLeave gate;
  CHECK(isCode(lockWrite(view, gate, 100), "STORE_DAMAGED"));
  CHECK(image.word(layout::CONTROL_DAMAGED) == DAMAGE_JOURNAL);
  TransactionCore core(&view, &gate);
  CHECK(isCode(core.begin(), "STORE_DAMAGED"));
  CHECK(lockWrite(view, gate, 100).isOk());
  unlockWrite(view);
  Assist assist = Assist::Busy;
  CHECK(isCode(assistReader(view, assist), "STORE_DAMAGED"));
}

TEST("processes killed at random moments: every transaction sees the whole of the last one") {
  constexpr uint32_t GRANULES = 40, CHILDREN = 4, KILLS = 120;
  Board board;
  Image& image = board.image;
  std::memset(image.main() + HEAP_GRANULE * 16, 0, (GRANULES + 1) * 16);
  uint32_t* bad = board.word(0);
  const auto work = [&](uint32_t slot) {
    StoreView view = image.view(slot);
    NeverLeave gate;
    TransactionCore core(&view, &gate);
    for (;;) {
      if (!core.begin().isOk()) *bad = 1;
      const uint32_t* now = view.mainAt<uint32_t>(HEAP_GRANULE * 16);
      // Journalled granules and the one overwritten in place all hold the same count.
      for (uint32_t i = 0; i < (GRANULES + 1) * 4; i++) {
        if (now[i] != now[0]) *bad = 2;
      }
      uint32_t* journal = reinterpret_cast<uint32_t*>(view.journal(slot));
      uint32_t* undo = reinterpret_cast<uint32_t*>(view.undo(slot));
      const uint32_t next = now[0] + 1;
      journal[0] = HEAP_GRANULE;
      journal[1] = GRANULES;
      for (uint32_t i = 0; i < GRANULES * 4; i++) journal[2 + i] = next;
      undo[0] = HEAP_GRANULE + GRANULES;
      undo[1] = uint32_t(image.number(Image::slotOffset(slot, layout::SLOT_TRANSACTION_ID)));
      std::memcpy(undo + 4, now + GRANULES * 4, 16);
      storeWord(view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT), 1);
      storeFence();
      for (uint32_t i = 0; i < 4; i++) storeWord(view.mainAt<uint32_t>((HEAP_GRANULE + GRANULES) * 16) + i, next);
      const bool isKept = next % 7 != 0 || slot % 2 == 0;
      if (!(isKept ? core.commit(2 + GRANULES * 4) : core.abort()).isOk()) *bad = 3;
    }
  };
  std::vector<std::unique_ptr<Child>> children;
  for (uint32_t slot = 0; slot < CHILDREN; slot++) children.push_back(std::make_unique<Child>([&, slot] { work(slot); }));
  uint32_t seed = 1;
  for (uint32_t i = 0; i < KILLS; i++) {
    const double commits = image.number(layout::CONTROL_COMMIT_COUNT);
    CHECK(until([&] { return image.number(layout::CONTROL_COMMIT_COUNT) > commits + 20; }));
    seed = seed * 1664525u + 1013904223u;
    napMs(double(seed >> 8 & 1023) / 1000.0);
    const uint32_t slot = (seed >> 20) % CHILDREN;
    children[slot]->end();
    // Its slot is claimed again only after recovery, as a reclaimer does it.
    StoreView view = image.view(40);
    NeverLeave gate;
    CHECK(lockWrite(view, gate, int64_t(IN_TIME_MS)).isOk());
    CHECK(recoverAll(view).isOk());
    unlockWrite(view);
    children[slot] = std::make_unique<Child>([&, slot] { work(slot); });
  }
  children.clear();
  CHECK(canTakeInTime(image, 41));
  CHECK_MESSAGE(*bad == 0, std::to_string(*bad));
  CHECK(image.isAtRest());
}

TEST("a starving waiter gets the lock beside loops that barge") {
  Board board;
  Image& image = board.image;
  const auto barge = [&](uint32_t slot) {
    StoreView view = image.view(slot);
    NeverLeave gate;
    for (;;) {
      if (!lockWrite(view, gate, -1).isOk()) _exit(1);
      for (const double endMs = monotonicMs() + 0.2; monotonicMs() < endMs;) {
      }
      unlockWrite(view);
    }
  };
  Child first([&] { barge(0); });
  Child second([&] { barge(1); });
  StoreView view = image.view(2);
  NeverLeave gate;
  double longestMs = 0;
  for (int round = 0; round < 30; round++) {
    const double beganMs = monotonicMs();
    CHECK(lockWrite(view, gate, int64_t(IN_TIME_MS)).isOk());
    longestMs = std::max(longestMs, monotonicMs() - beganMs);
    unlockWrite(view);
    napMs(1);
  }
  std::printf("  longest wait beside two barging loops: %.1f ms\n", longestMs);
  CHECK(longestMs < 250);
}

TEST("a starving waiter that is stopped delays others by no more than one stand-back") {
  Board board;
  Image& image = board.image;
  StoreView holder = image.view(0);
  NeverLeave gate;
  CHECK(lockWrite(holder, gate, 0).isOk());
  Child starving([&] {
    StoreView view = image.view(1);
    (void)lockWrite(view, gate, -1).isOk();
    unlockWrite(view);
  });
  CHECK(until([&] { return image.word(layout::CONTROL_WRITE_STARVING) == 2; }));
  starving.send(SIGSTOP);
  unlockWrite(holder);
  const double beganMs = monotonicMs();
  for (int i = 0; i < 100; i++) CHECK(canTakeInTime(image, 0));
  CHECK(monotonicMs() - beganMs < 200);
  starving.send(SIGCONT);
  CHECK(!starving.wait());
  CHECK(image.word(layout::CONTROL_WRITE_STARVING) == 0);
}

TEST("a starving waiter that is dead is forgotten by the first who stood back for it, or by the second if that one is killed") {
  Board board;
  Image& image = board.image;
  image.setWord(layout::CONTROL_WRITE_STARVING, 9);
  Child killed([&] {
    StoreView view = image.view(1);
    NeverLeave gate;
    cut::arm(1, cut::Ending::Kill);
    (void)lockWrite(view, gate, -1).isOk();
  });
  CHECK(killed.wait());
  image.setWord(layout::CONTROL_WRITE_STARVING, 9);
  const double beganMs = monotonicMs();
  CHECK(canTakeInTime(image, 0) && canTakeInTime(image, 2));
  CHECK(monotonicMs() - beganMs < 60);
  CHECK(image.word(layout::CONTROL_WRITE_STARVING) == 0);
}

TEST("a takeover fences the former main between its transactions") {
  Board board;
  Image& image = board.image;
  claim(image, 0);
  StoreView clone = image.view(0);
  NeverLeave gate;
  Child main([&] {
    claim(image, 1);
    StoreView view = image.view(1);
    bool acquired = false;
    double term = 0;
    if (!tryAcquireRole(view, acquired).isOk() || !acquired || !raiseTerm(view, gate, term).isOk() || term != 1) _exit(1);
    TransactionCore core(&view, &gate);
    if (!core.begin().isOk() || !core.commit(0).isOk()) _exit(1);
    releaseRole(view);
    *board.word(0) = 1;
    while (loadWord(board.word(1)) == 0) sched_yield();
    if (!isCode(core.begin(), "FENCED")) _exit(1);
    kill(getpid(), SIGKILL);
  });
  CHECK(until([&] { return loadWord(board.word(0)) == 1; }));
  bool acquired = false;
  double term = 0;
  CHECK(isCode(raiseTerm(clone, gate, term), "LOCK_FAILED"));
  CHECK(tryAcquireRole(clone, acquired).isOk() && acquired && hasRole(clone));
  CHECK(raiseTerm(clone, gate, term).isOk() && term == 2);
  storeWord(board.word(1), 1);
  CHECK(main.wait());
  TransactionCore core(&clone, &gate);
  CHECK(core.begin().isOk() && core.commit(0).isOk());
  releaseRole(clone);
}

TEST("whoever is killed while taking the role or raising the term leaves both takable") {
  for (uint64_t k = 1;; k++) {
    Board board;
    Image& image = board.image;
    NeverLeave gate;
    Child([&] {
      claim(image, 1);
      StoreView view = image.view(1);
      bool acquired = false;
      (void)tryAcquireRole(view, acquired).isOk();
      kill(getpid(), SIGKILL);
    }).wait();
    Child second([&] {
      claim(image, 2);
      StoreView view = image.view(2);
      bool acquired = false;
      double term = 0;
      cut::arm(k, cut::Ending::Kill);
      if (!tryAcquireRole(view, acquired).isOk() || !acquired) _exit(1);
      if (!raiseTerm(view, gate, term).isOk()) _exit(1);
      releaseRole(view);
    });
    const bool killed = second.wait();
    claim(image, 0);
    StoreView view = image.view(0);
    bool acquired = false;
    double term = 0;
    CHECK_MESSAGE(tryAcquireRole(view, acquired).isOk() && acquired, std::to_string(k));
    CHECK(raiseTerm(view, gate, term).isOk() && term >= 1 && term <= 2);
    releaseRole(view);
    if (!killed) break;
    CHECK(k < 30);
  }
}

TEST("a role watcher reports a death, and one that is killed at its own store leaves the report to the next") {
  for (uint64_t k = 0; k < 2; k++) {
    Board board;
    Image& image = board.image;
    Child main([&] {
      claim(image, 1);
      StoreView view = image.view(1);
      bool acquired = false;
      if (!tryAcquireRole(view, acquired).isOk()) _exit(1);
      for (;;) pause();
    });
    CHECK(until([&] { return image.word(layout::CONTROL_ROLE_SLOT) == 2; }));
    if (k == 1) {
      Child watcher([&] {
        RoleWatcher inner(image.view(2), true, [](const RoleEvent&) {});
        cut::arm(1, cut::Ending::Kill);
        inner.watch();
      });
      main.end();
      CHECK(watcher.wait());
    }
    std::vector<RoleEvent> events;
    RoleWatcher watcher(image.view(0), true, [&](const RoleEvent& event) { events.push_back(event); });
    CHECK(watcher.start().isOk());
    const pid_t pid = main.pid();
    main.end();
    CHECK(until([&] { return image.number(layout::CONTROL_ROLE_DEATH_AT) != 0; }));
    napMs(30);
    watcher.stop();
    CHECK(events.size() == 1 && events[0].kind == RoleEventKind::Dead);
    if (k == 0 && events.size() == 1) CHECK(events[0].slot.pid == uint32_t(pid));
    StoreView view = image.view(0);
    bool acquired = false;
    CHECK(tryAcquireRole(view, acquired).isOk() && acquired);
    releaseRole(view);
  }
}

TEST("a released role is told from a dead one") {
  Board board;
  claim(board.image, 0);
  StoreView view = board.image.view(0);
  bool acquired = false;
  CHECK(tryAcquireRole(view, acquired).isOk() && acquired);
  std::atomic<int> kind{-1};
  RoleWatcher watcher(board.image.view(1), true, [&](const RoleEvent& event) { kind = int(event.kind); });
  CHECK(watcher.start().isOk());
  napMs(5);
  CHECK(kind == -1);
  releaseRole(view);
  CHECK(until([&] { return kind == int(RoleEventKind::Released); }));
}

TEST("a main that misses its deadline or heartbeat, running or stopped, is killed and blamed") {
  struct Row {
    const char* name;
    bool hasDeadline, isStopped;
  };
  for (const Row& row : {Row{"deadline, running", true, false}, Row{"deadline, stopped", true, true}, Row{"heartbeat, stopped", false, true}}) {
    Board board;
    Image& image = board.image;
    Child main([&] {
      claim(image, 1);
      const std::string label = "counter@7 add";
      image.setWord(Image::slotOffset(1, layout::SLOT_LABEL), uint32_t(label.size()));
      std::memcpy(image.view(1).slotAt<char>(1, layout::SLOT_LABEL + 4), label.data(), label.size());
      image.setNumber(Image::slotOffset(1, layout::SLOT_RUN_STARTED), monotonicMs());
      if (row.hasDeadline) image.setNumber(Image::slotOffset(1, layout::SLOT_DEADLINE), monotonicMs() + 100);
      image.setNumber(Image::slotOffset(1, layout::SLOT_HEARTBEAT), monotonicMs());
      if (!row.hasDeadline) image.setNumber(Image::slotOffset(1, layout::SLOT_HEARTBEAT_LIMIT), 100);
      StoreView view = image.view(1);
      bool acquired = false;
      if (!tryAcquireRole(view, acquired).isOk()) _exit(1);
      for (;;) sched_yield();
    });
    CHECK(until([&] { return image.word(layout::CONTROL_ROLE_SLOT) == 2; }));
    if (row.isStopped) main.send(SIGSTOP);
    std::atomic<int> kind{-1};
    RoleEvent seen;
    RoleWatcher watcher(image.view(0), true, [&](const RoleEvent& event) {
      seen = event;
      kind = int(event.kind);
    });
    CHECK(watcher.start().isOk());
    CHECK_MESSAGE(until([&] { return kind == int(RoleEventKind::Hang); }), row.name);
    watcher.stop();
    CHECK(seen.slot.pid == uint32_t(main.pid()) && seen.slot.label == "counter@7 add");
    const double limitMs = row.hasDeadline ? seen.slot.deadlineMs : seen.slot.heartbeatMs + 100;
    std::printf("  %s: dead %.2f ms after the limit\n", row.name, seen.atMs - limitMs);
    CHECK(seen.atMs - limitMs < 30);
    CHECK(main.wait());
  }
}

TEST("a watcher that does not judge leaves a hanging main alone") {
  Board board;
  Image& image = board.image;
  Child main([&] {
    claim(image, 1);
    image.setNumber(Image::slotOffset(1, layout::SLOT_DEADLINE), monotonicMs() + 5);
    StoreView view = image.view(1);
    bool acquired = false;
    (void)tryAcquireRole(view, acquired).isOk();
    for (;;) pause();
  });
  CHECK(until([&] { return image.word(layout::CONTROL_ROLE_SLOT) == 2; }));
  RoleWatcher watcher(image.view(0), false, [](const RoleEvent&) {});
  CHECK(watcher.start().isOk());
  napMs(60);
  watcher.stop();
  CHECK(kill(main.pid(), 0) == 0 && holderOf(roleLockOf(image.view(0))) == uint32_t(main.pid()));
}

TEST("when main waits for the write lock, its holder is killed and blamed, and main goes on") {
  Board board;
  Image& image = board.image;
  NeverLeave gate;
  Child holder([&] {
    claim(image, 2);
    StoreView view = image.view(2);
    TransactionCore core(&view, &gate);
    if (!core.begin().isOk()) _exit(1);
    Writer(view).overwrite(HEAP_GRANULE, 1);
    *board.word(0) = 1;
    for (;;) pause();
  });
  CHECK(until([&] { return loadWord(board.word(0)) == 1; }));
  Child main([&] {
    claim(image, 1);
    image.setNumber(Image::slotOffset(1, layout::SLOT_RUN_STARTED), monotonicMs());
    image.setNumber(Image::slotOffset(1, layout::SLOT_DEADLINE), monotonicMs() + 120);
    StoreView view = image.view(1);
    bool acquired = false;
    if (!tryAcquireRole(view, acquired).isOk()) _exit(1);
    TransactionCore core(&view, &gate);
    if (!core.begin().isOk() || !core.commit(0).isOk()) _exit(1);
    image.setNumber(Image::slotOffset(1, layout::SLOT_DEADLINE), 0);
    *board.word(1) = 1;
    for (;;) pause();
  });
  CHECK(until([&] { return image.word(layout::CONTROL_ROLE_SLOT) == 2; }));
  std::atomic<int> kind{-1};
  std::atomic<uint32_t> pid{0};
  RoleWatcher watcher(image.view(0), true, [&](const RoleEvent& event) {
    pid = event.slot.pid;
    kind = int(event.kind);
  });
  CHECK(watcher.start().isOk());
  CHECK(until([&] { return loadWord(board.word(1)) == 1; }));
  CHECK(until([&] { return kind == int(RoleEventKind::HolderKilled); }));
  CHECK(pid == uint32_t(holder.pid()));
  napMs(30);
  CHECK(kind == int(RoleEventKind::HolderKilled));
  CHECK(holder.wait());
  CHECK(image.isAtRest());
}

TEST("a wait in one process ends when another rings, and a waiter killed at any store leaves no count behind a recount") {
  Board board;
  Image& image = board.image;
  NeverLeave gate;
  Child waiter([&] {
    claim(image, 1);
    StoreView view = image.view(1);
    if (waitChannel(view, 3, 0, -1, gate) != Waited::Changed) _exit(1);
    *board.word(0) = 1;
    kill(getpid(), SIGKILL);
  });
  CHECK(until([&] { return image.word(layout::CONTROL_WATCHERS) == 1; }));
  StoreView view = image.view(0);
  notifyChannel(view, 4);
  napMs(25);
  CHECK(loadWord(board.word(0)) == 0);
  notifyChannel(view, 3);
  CHECK(waiter.wait() && loadWord(board.word(0)) == 1);
  CHECK(image.word(layout::CONTROL_WATCHERS) == 0);

  for (uint64_t k = 1;; k++) {
    // The same stores each time: a sleeper that was killed left its bit, which a ring clears.
    notifyChannel(view, 7);
    Child killed([&] {
      claim(image, 1);
      image.setWord(Image::slotOffset(1, layout::SLOT_WATCHING), 0);
      StoreView own = image.view(1);
      cut::arm(k, cut::Ending::Kill);
      (void)waitChannel(own, 5, 0, 40, gate);
      notifyChannel(own, 6);
      recountWatchers(own);
    });
    const bool wasKilled = killed.wait();
    image.setWord(Image::slotOffset(1, layout::SLOT_STATE), 0);
    recountWatchers(view);
    CHECK(image.word(layout::CONTROL_WATCHERS) == 0);
    if (!wasKilled) break;
    CHECK(k < 30);
  }
}

int main(int argumentCount, char** arguments) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  cut::start();
  const int code = runCases(argumentCount, arguments);
  cut::printSites();
  return code;
}
