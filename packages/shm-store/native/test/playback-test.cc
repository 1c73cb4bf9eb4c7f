// Journal, undo list and recovery in one process over plain memory: what they do, and what they do with bytes that make no sense.
#include <cstring>
#include <memory>
#include "../recovery.h"
#include "../wait.h"
#include "check.h"
#include "cut.h"
#include "image.h"

using namespace mofo;
using namespace mofo::test;

namespace {

struct Store {
  Image image;
  StoreView view = image.view(0);
  NeverLeave gate;
  TransactionCore core{&view, &gate};
};

uint64_t field(uint64_t offset) { return Image::slotOffset(0, offset); }

bool isCode(const Status& status, const char* code) { return !status.isOk() && std::strcmp(status.code(), code) == 0; }

uint32_t mainWord(const Store& store, uint32_t granule, uint32_t index) { return store.view.mainAt<uint32_t>(granule * 16ull)[index]; }

/** A slot as a process left it that died with a complete journal of these words. */
void leaveJournal(Store& store, const std::vector<uint32_t>& words, uint32_t claimedWords) {
  std::memcpy(store.view.journal(0), words.data(), words.size() * 4);
  store.image.setNumber(layout::CONTROL_LAST_TRANSACTION_ID, 9);
  store.image.setNumber(field(layout::SLOT_TRANSACTION_ID), 9);
  store.image.setWord(field(layout::SLOT_JOURNAL_WORDS), claimedWords);
  store.image.setNumber(field(layout::SLOT_MARK), 9);
}

}  // namespace

TEST("a commit writes every entry in order, the id, and two steps of the sequence") {
  Store store;
  CHECK(store.core.begin().isOk());
  CHECK(store.core.isOpen());
  Writer writer(store.view);
  writer.journal(HEAP_GRANULE, 2, 1);
  writer.journal(HEAP_GRANULE + 1, 1, 2);
  CHECK(mainWord(store, HEAP_GRANULE, 0) != patternOf(HEAP_GRANULE, 0, 1));
  CHECK(store.core.commit(writer.words()).isOk());
  CHECK(mainWord(store, HEAP_GRANULE, 0) == patternOf(HEAP_GRANULE, 0, 1));
  CHECK(mainWord(store, HEAP_GRANULE + 1, 3) == patternOf(HEAP_GRANULE + 1, 3, 2));
  CHECK(*store.view.mainAt<double>(layout::MAIN_LAST_TRANSACTION_ID) == 1);
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 2);
  CHECK(store.image.number(layout::CONTROL_COMMIT_COUNT) == 1);
  CHECK(store.image.isAtRest() && !store.core.isOpen());
}

TEST("large images are copied whole") {
  Store store;
  CHECK(store.core.begin().isOk());
  Writer writer(store.view);
  writer.journal(HEAP_GRANULE, 700, 5);
  CHECK(store.core.commit(writer.words()).isOk());
  for (uint32_t i = 0; i < 700; i++) CHECK(mainWord(store, HEAP_GRANULE + i, i % 4) == patternOf(HEAP_GRANULE + i, i % 4, 5));
}

TEST("an abort puts back overwritten granules, the oldest image last") {
  Store store;
  const std::string before = store.image.mainBytes();
  CHECK(store.core.begin().isOk());
  Writer writer(store.view);
  writer.overwrite(HEAP_GRANULE, 1);
  writer.overwrite(HEAP_GRANULE, 2);
  writer.overwrite(HEAP_GRANULE + 300, 3);
  writer.journal(HEAP_GRANULE + 4, 1, 4);
  CHECK(store.image.mainBytes() != before);
  CHECK(store.core.abort().isOk());
  CHECK(store.image.mainBytes() == before);
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 0);
  CHECK(store.image.isAtRest());
}

TEST("a commit with overwritten granules and no journal keeps them") {
  Store store;
  CHECK(store.core.begin().isOk());
  Writer writer(store.view);
  writer.overwrite(HEAP_GRANULE, 1);
  CHECK(store.core.commit(0).isOk());
  CHECK(mainWord(store, HEAP_GRANULE, 0) == patternOf(HEAP_GRANULE, 0, 1));
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 2);
  CHECK(store.image.isAtRest());
}

TEST("an empty transaction changes nothing but the id handed out") {
  Store store;
  const std::string before = store.image.mainBytes();
  CHECK(store.core.begin().isOk() && store.core.commit(0).isOk());
  CHECK(store.image.mainBytes() == before);
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 0);
  CHECK(store.image.number(layout::CONTROL_LAST_TRANSACTION_ID) == 1);
}

TEST("a begin after a transaction left open rolls that one back") {
  Store store;
  const std::string before = store.image.mainBytes();
  CHECK(store.core.begin().isOk());
  Writer(store.view).overwrite(HEAP_GRANULE, 1);
  CHECK(store.core.begin().isOk());
  CHECK(store.image.mainBytes() == before);
  CHECK(store.core.abort().isOk());
  CHECK(store.image.isAtRest());
}

TEST("the end of the owner rolls back what is open and gives the lock back") {
  Store store;
  const std::string before = store.image.mainBytes();
  {
    TransactionCore core(&store.view, &store.gate);
    CHECK(core.begin().isOk());
    Writer(store.view).overwrite(HEAP_GRANULE, 1);
  }
  CHECK(store.image.mainBytes() == before);
  CHECK(store.core.begin().isOk() && store.core.abort().isOk());
}

TEST("commit and abort without begin are refused") {
  Store store;
  CHECK(isCode(store.core.commit(0), "NO_TRANSACTION"));
  CHECK(isCode(store.core.abort(), "NO_TRANSACTION"));
}

TEST("the same thread does not get the lock twice") {
  Store store;
  CHECK(store.core.begin().isOk());
  CHECK(isCode(lockWrite(store.view, store.gate, 0), "IN_TRANSACTION"));
  CHECK(store.core.abort().isOk());
}

TEST("a journal that leads outside, does not add up or is too long is rolled back with JOURNAL_CORRUPT") {
  struct Row {
    std::vector<uint32_t> words;
    uint32_t claimed;
  };
  const uint32_t end = uint32_t(SIZE_BYTES / 16);
  const uint32_t tableEnd = uint32_t(Geometry(SIZE_BYTES).tableEnd(SIZE_BYTES / layout::SLAB_BYTES) / 16);
  const Row rows[] = {
      {{HEAP_GRANULE, 0}, 2},                             // no granules
      {{HEAP_GRANULE}, 1},                                // half a header
      {{HEAP_GRANULE, 1, 1, 2, 3}, 5},                    // image cut short
      {{HEAP_GRANULE, 1, 1, 2, 3, 4, 5}, 7},              // a word too many
      {{end, 1, 1, 2, 3, 4}, 6},                          // behind the store
      {{end - 1, 2, 1, 2, 3, 4, 5, 6, 7, 8}, 10},         // over its end
      {{0xffffffffu, 1, 1, 2, 3, 4}, 6},                  // the largest granule
      {{HEAP_GRANULE, 0xffffffffu, 1, 2, 3, 4}, 6},       // the largest count
      {{HEAP_GRANULE, 0x40000000u, 1, 2, 3, 4}, 6},       // a count whose words wrap to 0
      {{255, 2, 1, 2, 3, 4, 5, 6, 7, 8}, 10},             // from superblock into slab table
      {{tableEnd, 1, 1, 2, 3, 4}, 6},                     // behind the slab table
      {{tableEnd - 1, 2, 1, 2, 3, 4, 5, 6, 7, 8}, 10},    // over its end
      {{HEAP_GRANULE - 1, 1, 1, 2, 3, 4}, 6},             // between slab table and heap
      {{HEAP_GRANULE, 1, 1, 2, 3, 4}, RANGE_BYTES / 4 + 1},  // longer than its memory
      {{HEAP_GRANULE, 1, 1, 2, 3, 4}, 0xffffffffu},       // the largest length
  };
  for (const Row& row : rows) {
    Store store;
    const std::string before = store.image.mainBytes();
    CHECK(store.core.begin().isOk());
    Writer(store.view).overwrite(HEAP_GRANULE + 9, 1);
    std::memcpy(store.view.journal(0), row.words.data(), row.words.size() * 4);
    CHECK_MESSAGE(isCode(store.core.commit(row.claimed), "JOURNAL_CORRUPT"), std::to_string(&row - rows));
    CHECK(store.image.mainBytes() == before);
    CHECK(store.image.isAtRest());
    CHECK(store.core.begin().isOk() && store.core.abort().isOk());

    // The same bytes left by a dead process: the store is damaged, nothing is played, nobody crashes.
    Store dead;
    leaveJournal(dead, row.words, row.claimed);
    CHECK_MESSAGE(isCode(recoverAll(dead.view), "STORE_DAMAGED"), std::to_string(&row - rows));
    CHECK(dead.image.mainBytes() == before);
    CHECK(dead.image.word(layout::CONTROL_DAMAGED) == DAMAGE_JOURNAL);
    CHECK(isCode(dead.core.begin(), "STORE_DAMAGED"));
  }
}

TEST("the bound of the journal follows what is reserved") {
  Store store;
  store.image.setWord(layout::CONTROL_RESERVED_GRANULES, HEAP_GRANULE + 1024);
  CHECK(store.core.begin().isOk());
  Writer inside(store.view);
  inside.journal(HEAP_GRANULE + 1023, 1, 1);
  CHECK(store.core.commit(inside.words()).isOk());
  CHECK(store.core.begin().isOk());
  Writer outside(store.view);
  outside.journal(HEAP_GRANULE + 1023, 2, 1);
  CHECK(isCode(store.core.commit(outside.words()), "JOURNAL_CORRUPT"));
}

TEST("undo lists that make no sense are damage, not crashes") {
  struct Row {
    uint32_t granule, id, count;
  };
  const Row rows[] = {{uint32_t(SIZE_BYTES / 16), 9, 1}, {HEAP_GRANULE - 1, 9, 1},   {HEAP_GRANULE, 8, 1},
                      {HEAP_GRANULE, 12, 1},             {HEAP_GRANULE, 9, 1 << 20}, {HEAP_GRANULE, 9, 0xffffffffu}};
  for (const Row& row : rows) {
    Store store;
    const std::string before = store.image.mainBytes();
    uint32_t* entry = reinterpret_cast<uint32_t*>(store.view.undo(0));
    entry[0] = row.granule;
    entry[1] = row.id;
    store.image.setNumber(layout::CONTROL_LAST_TRANSACTION_ID, 11);
    store.image.setNumber(field(layout::SLOT_TRANSACTION_ID), 9);
    store.image.setWord(field(layout::SLOT_UNDO_COUNT), row.count);
    CHECK_MESSAGE(isCode(recoverAll(store.view), "STORE_DAMAGED"), std::to_string(&row - rows));
    CHECK(store.image.mainBytes() == before);
    CHECK(store.image.word(layout::CONTROL_DAMAGED) == DAMAGE_UNDO);
  }
}

TEST("undo entries of savepoints carry later ids and are put back") {
  Store store;
  uint32_t* entry = reinterpret_cast<uint32_t*>(store.view.undo(0));
  entry[0] = HEAP_GRANULE;
  entry[1] = 11;
  entry[4] = 77;
  store.image.setNumber(layout::CONTROL_LAST_TRANSACTION_ID, 11);
  store.image.setNumber(field(layout::SLOT_TRANSACTION_ID), 9);
  store.image.setWord(field(layout::SLOT_UNDO_COUNT), 1);
  CHECK(recoverAll(store.view).isOk());
  CHECK(mainWord(store, HEAP_GRANULE, 0) == 77);
  CHECK(store.image.isAtRest());
}

TEST("two unfinished slots are damage") {
  Store store;
  leaveJournal(store, {HEAP_GRANULE, 1, 1, 2, 3, 4}, 6);
  store.image.setNumber(Image::slotOffset(3, layout::SLOT_MARK), 8);
  CHECK(isCode(recoverAll(store.view), "STORE_DAMAGED"));
  CHECK(store.image.word(layout::CONTROL_DAMAGED) == DAMAGE_TWO_UNFINISHED);
}

TEST("random bytes in slot and journal never crash recovery") {
  uint32_t seed = 12345;
  const auto random = [&seed] { return seed = seed * 1664525u + 1013904223u, seed >> 4; };
  for (int round = 0; round < 300; round++) {
    Store store;
    for (uint64_t i = 0; i < 512; i++) reinterpret_cast<uint32_t*>(store.view.journal(0))[i] = random() % (1u << (random() % 32));
    for (uint64_t i = 0; i < 512; i++) reinterpret_cast<uint32_t*>(store.view.undo(0))[i] = random() % (1u << (random() % 32));
    store.image.setNumber(layout::CONTROL_LAST_TRANSACTION_ID, 20);
    for (uint64_t at = layout::SLOT_MARK; at < layout::SLOT_JOURNAL_RESERVED; at += 4) {
      if (random() % 2 == 0) store.image.setWord(field(at), random() % (1u << (random() % 32)));
    }
    store.image.setWord(layout::CONTROL_RESERVED_GRANULES, random() << (random() % 5));
    const Status status = recoverAll(store.view);
    CHECK(status.isOk() ? store.image.isAtRest() : store.image.word(layout::CONTROL_DAMAGED) != 0);
  }
}

TEST("an odd sequence with no mark is made even, by recovery and for a reader") {
  Store store;
  store.image.setWord(layout::CONTROL_SEQUENCE, 7);
  CHECK(recoverAll(store.view).isOk());
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 8);
  store.image.setWord(layout::CONTROL_SEQUENCE, 9);
  Assist assist = Assist::Busy;
  CHECK(assistReader(store.view, assist).isOk() && assist == Assist::Idle);
  CHECK(store.image.word(layout::CONTROL_SEQUENCE) == 10);
  CHECK(store.core.begin().isOk() && store.core.abort().isOk());
}

TEST("a slot that is not at rest although the lock was free is recovered by begin") {
  Store store;
  leaveJournal(store, {HEAP_GRANULE, 1, 1, 2, 3, 4}, 6);
  CHECK(store.core.begin().isOk());
  CHECK(mainWord(store, HEAP_GRANULE, 3) == 4);
  CHECK(store.core.abort().isOk());
}

TEST("retired, damaged and fenced stores refuse a transaction and give the lock back") {
  Store store;
  store.image.setWord(layout::CONTROL_RETIRED, 1);
  CHECK(isCode(store.core.begin(), "RETIRED"));
  store.image.setWord(layout::CONTROL_RETIRED, 0);
  store.image.setWord(layout::CONTROL_DAMAGED, 1);
  CHECK(isCode(store.core.begin(), "STORE_DAMAGED"));
  store.image.setWord(layout::CONTROL_DAMAGED, 0);
  store.image.setNumber(layout::CONTROL_TERM, 3);
  store.image.setNumber(field(layout::SLOT_TERM), 2);
  CHECK(isCode(store.core.begin(), "FENCED"));
  store.image.setNumber(field(layout::SLOT_TERM), 3);
  CHECK(store.core.begin().isOk() && store.core.abort().isOk());
}

TEST("the guard marks the pages of every granule written, in the epoch's mark") {
  Store store;
  for (uint32_t epoch = 0; epoch < 2; epoch++) {
    store.image.setWord(layout::CONTROL_EPOCH, epoch);
    CHECK(store.core.begin().isOk());
    Writer writer(store.view);
    writer.journal(HEAP_GRANULE + 255, 258, 1);
    CHECK(store.core.commit(writer.words()).isOk());
    const uint8_t* states = store.view.pageStates();
    for (uint32_t page = 0; page < 8; page++) CHECK(states[page] == (page == 0 || (page >= 4 && page <= 6) ? 1 + epoch : 0));
  }
}

TEST("a wanted epoch is raised once, at a transaction's end, and only while the sweeper is idle") {
  Store store;
  store.image.setWord(layout::CONTROL_WANTED_EPOCH, 1);
  store.image.setWord(layout::CONTROL_SWEEPER, 1);
  CHECK(store.core.begin().isOk() && store.core.commit(0).isOk());
  CHECK(store.image.word(layout::CONTROL_EPOCH) == 0);
  store.image.setWord(layout::CONTROL_SWEEPER, 0);
  CHECK(store.core.begin().isOk() && store.core.abort().isOk());
  CHECK(store.image.word(layout::CONTROL_EPOCH) == 1);
  CHECK(store.core.begin().isOk() && store.core.abort().isOk());
  CHECK(store.image.word(layout::CONTROL_EPOCH) == 1);
}

TEST("commits ring while somebody watches, and a recount forgets watchers of free slots") {
  Store store;
  const auto commits = [&store] { return store.image.word(layout::CONTROL_CHANNELS); };
  const auto commit = [&store] {
    CHECK(store.core.begin().isOk());
    Writer writer(store.view);
    writer.journal(HEAP_GRANULE, 1, 1);
    CHECK(store.core.commit(writer.words()).isOk());
  };
  commit();
  CHECK(commits() == 0);
  store.image.setWord(field(layout::SLOT_STATE), 1);
  {
    const WatcherCount watching(store.view);
    store.image.setWord(layout::CONTROL_WATCHERS, 5);
    commit();
    CHECK(commits() == 1 && store.image.word(layout::CONTROL_DOORBELL) == 2);
    recountWatchers(store.view);
    CHECK(store.image.word(layout::CONTROL_WATCHERS) == 1);
    store.image.setWord(layout::CONTROL_WATCHERS, 0);
    watching.ensure();
    CHECK(store.image.word(layout::CONTROL_WATCHERS) == 1);
  }
  CHECK(store.image.word(layout::CONTROL_WATCHERS) == 0 && store.image.word(field(layout::SLOT_WATCHING)) == 0);
  CHECK(waitChannel(store.view, 0, 1, 5, store.gate) == Waited::TimedOut);
  CHECK(waitChannel(store.view, 0, 0, 5, store.gate) == Waited::Changed);
}

int main(int argumentCount, char** arguments) {
  cut::start();
  return runCases(argumentCount, arguments);
}
