// The write lock between real processes that are killed: at every store, at random moments, while they hold, wait, recover or starve. Whoever
// comes next must get the lock in time and find one state or the other.
#include <memory>
#include "../recovery.h"
#include "../stores.h"
#include "check.h"
#include "child.h"
#include "cut.h"

using namespace mofo;
using namespace mofo::test;

namespace {

void writeSomething(StoreView& view, uint32_t seed) {
  NeverLeave gate;
  TransactionCore core(&view, &gate);
  if (!core.begin().isOk()) _exit(1);
  Writer writer(view);
  writer.overwrite(HEAP_GRANULE, seed);
  writer.journal(HEAP_GRANULE + 1, 2, seed);
  if (!core.commit(writer.words()).isOk()) _exit(1);
}

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
    CHECK_MESSAGE(monotonicMs() - beganMs < 1000, std::to_string(k));
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
  CHECK(longestMs < 1000);
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
  CHECK(monotonicMs() - beganMs < 1000);
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
  CHECK(monotonicMs() - beganMs < 500);
  CHECK(image.word(layout::CONTROL_WRITE_STARVING) == 0);
}

int main(int argumentCount, char** arguments) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  cut::start();
  const int code = runCases(argumentCount, arguments);
  cut::printSites();
  return code;
}
