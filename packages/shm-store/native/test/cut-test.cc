// A process may die after any single store. Each scenario is a run of transactions; it is cut after every k-th store, the recovery that
// follows is cut after every j-th, and a second recovery finishes. Then main must be byte for byte in the state before the cut transaction or
// after it, after the store that sets the mark always the latter, and everything at rest.
#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include "../recovery.h"
#include "../stores.h"
#include "check.h"
#include "cut.h"
#include "image.h"

using namespace mofo;
using namespace mofo::test;

namespace {

uint64_t cutStates = 0;

/** One transaction: what it appends, and how it ends. */
struct Step {
  std::function<void(Writer&)> body;
  bool commits;
};

struct Scenario {
  const char* name;
  std::vector<Step> steps;
  /** Changes a fresh image before the run. */
  std::function<void(Image&)> prepare = [](Image&) {};
};

/** Runs the steps; returns the step that was cut, or the number of steps. The core object is left as a dead process leaves it. */
size_t runSteps(const Scenario& scenario, StoreView& view, uint64_t cutAfter) {
  static NeverLeave gate;
  // Not destroyed: a destructor would roll back, which the dead do not.
  alignas(TransactionCore) static unsigned char room[sizeof(TransactionCore)];
  TransactionCore* core = new (room) TransactionCore(&view, &gate);
  size_t step = 0;
  try {
    cut::arm(cutAfter, cut::Ending::Throw);
    for (; step < scenario.steps.size(); step++) {
      CHECK(core->begin().isOk());
      Writer writer(view);
      scenario.steps[step].body(writer);
      CHECK((scenario.steps[step].commits ? core->commit(writer.words()) : core->abort()).isOk());
    }
  } catch (const cut::Cut&) {
    cutStates++;
  }
  return step;
}

/** Recovers as the next owner of the lock; true unless it was cut. */
bool recover(StoreView& view, uint64_t cutAfter) {
  try {
    cut::arm(cutAfter, cut::Ending::Throw);
    const Status status = recoverAll(view);
    cut::arm(0, cut::Ending::Throw);
    CHECK_MESSAGE(status.isOk(), status.isOk() ? "" : status.detail());
    return true;
  } catch (const cut::Cut&) {
    cut::arm(0, cut::Ending::Throw);
    cutStates++;
    return false;
  }
}

bool samePages(const std::string& left, const std::string& right, uint64_t page) {
  return left.compare(page * layout::PAGE_BYTES, layout::PAGE_BYTES, right, page * layout::PAGE_BYTES, layout::PAGE_BYTES) == 0;
}

/** What holds at every moment of a transaction, also when it is cut. */
void checkMoment(const Image& image, const std::string& before, const std::string& after, const std::set<uint32_t>& inPlace) {
  const std::string now = image.mainBytes();
  const uint32_t sequence = image.word(layout::CONTROL_SEQUENCE);
  bool anyOld = false, anyNew = false;
  for (uint64_t word = 0; word < USED_BYTES / 4; word++) {
    if (std::memcmp(&before[word * 4], &after[word * 4], 4) == 0 || inPlace.count(uint32_t(word / 4)) != 0) continue;
    (std::memcmp(&now[word * 4], &before[word * 4], 4) == 0 ? anyOld : anyNew) = true;
  }
  // A reader that sees an even sequence sees one state of everything that readers can reach.
  CHECK(!(anyOld && anyNew) || (sequence & 1) == 1);
  const uint8_t* states = image.view(0).pageStates();
  for (uint64_t page = 0; page < USED_BYTES / layout::PAGE_BYTES; page++) CHECK(samePages(now, before, page) || states[page] != 0);
}

void cutEverywhere(const Scenario& scenario) {
  Image image;
  scenario.prepare(image);
  StoreView writer = image.view(0), next = image.view(1);
  const std::string fresh = image.save();

  // The states that may be seen: main before the run and after each step, as an uncut run leaves it.
  std::vector<std::string> states{image.mainBytes()};
  // Granules that each step overwrites in place: no reader can reach those before the commit.
  std::vector<std::set<uint32_t>> inPlaceOf;
  for (size_t steps = 1; steps <= scenario.steps.size(); steps++) {
    image.restore(fresh);
    const Scenario part{scenario.name, {scenario.steps.begin(), scenario.steps.begin() + long(steps)}};
    CHECK(runSteps(part, writer, 0) == steps);
    CHECK(image.isAtRest());
    states.push_back(image.mainBytes());
    inPlaceOf.push_back(Writer::overwritten());
    if (!scenario.steps[steps - 1].commits) CHECK(states[steps] == states[steps - 1]);
  }
  const uint64_t storesOfRun = cut::storeCount();

  size_t committedSteps = 0;
  for (uint64_t k = 1; k <= storesOfRun; k++) {
    image.restore(fresh);
    const size_t step = runSteps(scenario, writer, k);
    const bool marked = image.number(Image::slotOffset(0, layout::SLOT_MARK)) != 0;
    const size_t shown = std::min(step, scenario.steps.size() - 1);
    const std::string& before = states[shown];
    const std::string& after = states[shown + 1];
    const std::set<uint32_t>& inPlace = inPlaceOf[shown];
    checkMoment(image, before, after, inPlace);
    const std::string dead = image.save();

    // Recovery from here on is cut after every j-th store, and then done again by somebody else.
    for (uint64_t j = 1;; j++) {
      image.restore(dead);
      const bool finished = recover(next, j);
      if (!finished) {
        checkMoment(image, before, after, inPlace);
        CHECK(recover(writer, 0));
      }
      CHECK(image.isAtRest());
      const std::string now = image.mainBytes();
      const bool isNew = now == after;
      const std::string where = std::string(scenario.name) + ", cut " + std::to_string(k) + "/" + std::to_string(j);
      CHECK_MESSAGE(isNew || now == before, where + ": neither old nor new");
      if (marked) CHECK_MESSAGE(isNew, where + ": a marked transaction was lost");
      // Once a transaction happened, no later cut of it shows the state before.
      if (isNew && before != after) committedSteps = step + 1;
      if (step < committedSteps && before != after) CHECK_MESSAGE(isNew, where + ": a transaction was taken back");
      if (finished) break;
    }

    // And whoever comes next can work.
    NeverLeave gate;
    TransactionCore core(&next, &gate);
    CHECK(core.begin().isOk());
    Writer more(next);
    more.journal(HEAP_GRANULE + 900, 1, 99);
    more.overwrite(HEAP_GRANULE + 901, 98);
    CHECK(core.commit(more.words()).isOk());
    CHECK(image.isAtRest());
    CHECK(image.word(layout::CONTROL_EPOCH) <= image.word(layout::CONTROL_WANTED_EPOCH));
  }
  CHECK(storesOfRun > 5);
}

const Scenario SCENARIOS[] = {
    {"one granule", {{[](Writer& w) { w.journal(HEAP_GRANULE, 1, 1); }, true}}},
    {"nothing", {{[](Writer&) {}, true}, {[](Writer&) {}, false}}},
    {"several entries over page boundaries, in superblock, table and heap, one twice",
     {{[](Writer& w) {
         w.journal(HEAP_GRANULE + 254, 4, 1);
         w.journal(7, 1, 2);
         w.journal(256 + 3, 2, 3);
         w.journal(HEAP_GRANULE + 255, 1, 4);
       },
       true}}},
    {"undo list only", {{[](Writer& w) { w.overwrite(HEAP_GRANULE, 1); }, true}}},
    {"undo list rolled back",
     {{[](Writer& w) {
         w.overwrite(HEAP_GRANULE, 1);
         w.overwrite(HEAP_GRANULE, 2);
         w.overwrite(HEAP_GRANULE + 256, 3);
         w.journal(HEAP_GRANULE + 2, 1, 4);
       },
       false}}},
    {"journal and undo list together",
     {{[](Writer& w) {
         w.overwrite(HEAP_GRANULE + 10, 1);
         w.journal(HEAP_GRANULE, 2, 2);
         w.overwrite(HEAP_GRANULE + 600, 3);
         w.journal(HEAP_GRANULE + 10, 1, 4);
       },
       true}}},
    {"commit, roll back, commit over the same granules",
     {{[](Writer& w) {
         w.overwrite(HEAP_GRANULE, 1);
         w.journal(HEAP_GRANULE + 1, 1, 2);
       },
       true},
      {[](Writer& w) {
         w.overwrite(HEAP_GRANULE, 3);
         w.journal(HEAP_GRANULE + 1, 1, 4);
       },
       false},
      {[](Writer& w) {
         w.journal(HEAP_GRANULE, 1, 5);
         w.overwrite(HEAP_GRANULE + 1, 6);
       },
       true}}},
    {"a snapshot is asked for, and somebody watches",
     {{[](Writer& w) { w.journal(HEAP_GRANULE, 1, 1); }, true}, {[](Writer& w) { w.journal(HEAP_GRANULE, 1, 2); }, true}},
     [](Image& image) {
       image.setWord(layout::CONTROL_EPOCH, 4);
       image.setWord(layout::CONTROL_WANTED_EPOCH, 5);
       image.setWord(layout::CONTROL_WATCHERS, 1);
     }},
};

}  // namespace

TEST("cut after every store, recovered, cut again") {
  for (const Scenario& scenario : SCENARIOS) {
    const uint64_t before = cutStates;
    cutEverywhere(scenario);
    std::printf("  %s: %llu cut states\n", scenario.name, (unsigned long long)(cutStates - before));
  }
}

TEST("every commit of a run takes the sequence two steps on") {
  Image image;
  StoreView view = image.view(0);
  CHECK(runSteps(SCENARIOS[6], view, 0) == 3);
  CHECK(image.word(layout::CONTROL_SEQUENCE) == 4);
}

TEST("a commit that was cut after its mark still rings for the watchers") {
  const Scenario& scenario = SCENARIOS[7];
  Image image;
  scenario.prepare(image);
  StoreView writer = image.view(0), next = image.view(1);
  const std::string fresh = image.save();
  for (uint64_t k = 1;; k++) {
    image.restore(fresh);
    if (runSteps(scenario, writer, k) == scenario.steps.size()) break;
    CHECK(recover(next, 0));
    const uint32_t commits = image.word(layout::CONTROL_SEQUENCE) / 2;
    CHECK(image.word(layout::CONTROL_CHANNELS) >= commits);
  }
}

TEST("damage found by recovery is noted however often it is cut") {
  Image image;
  image.setNumber(layout::CONTROL_LAST_TRANSACTION_ID, 3);
  image.setNumber(Image::slotOffset(0, layout::SLOT_TRANSACTION_ID), 3);
  image.setNumber(Image::slotOffset(0, layout::SLOT_MARK), 3);
  image.setWord(Image::slotOffset(0, layout::SLOT_JOURNAL_WORDS), 5);
  StoreView next = image.view(1);
  const std::string before = image.mainBytes();
  try {
    cut::arm(1, cut::Ending::Throw);
    (void)recoverAll(next).isOk();
    CHECK(false);
  } catch (const cut::Cut&) {
  }
  cut::arm(0, cut::Ending::Throw);
  CHECK(!recoverAll(next).isOk());
  CHECK(image.word(layout::CONTROL_DAMAGED) == DAMAGE_JOURNAL && image.mainBytes() == before);
}

int main(int argumentCount, char** arguments) {
  cut::start();
  const int code = runCases(argumentCount, arguments);
  cut::printSites();
  return code;
}
