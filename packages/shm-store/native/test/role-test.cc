// Role, term, hangs and waits between real processes: who is judged, killed and blamed, and what the killed leave behind.
#include <sched.h>
#include "../role-watcher.h"
#include "../stores.h"
#include "../wait.h"
#include "check.h"
#include "child.h"
#include "cut.h"

using namespace mofo;
using namespace mofo::test;

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
    CHECK(seen.atMs - limitMs < 500);
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
