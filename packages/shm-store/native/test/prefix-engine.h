// Tries every prefix of a run of stores: a process that dies after its k-th store leaves the first k of them, and recovery must make the old or
// the new state of them.
//
//   record    the store hook of the C++ writers and the instrumented JavaScript writers append to one log, in the order of their stores
//   try       the log is applied store by store to an image of the segments; after each, the shipped recovery runs over a scratch image,
//             whole and also cut after its own j-th store and run again; what it leaves is compared; only what it touched is put back
//
// A log entry is eight words: segment (0 main, 1 control) and size in bytes << 8 · site · offset, low and high word · up to 16 bytes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "../store-view.h"

namespace mofo::prefix {

constexpr uint32_t ENTRY_WORDS = 8;
constexpr uint32_t LOG_ENTRY_COUNT_MAX = 1u << 20;
/** Sites of C++ are numbered from here on, those of JavaScript below. */
constexpr uint32_t NATIVE_SITE_FIRST = 1u << 20;

/** Per granule of main: what a state is compared in. */
struct Meaning {
  const uint8_t* old;
  const uint8_t* next;
  /** What readers can reach before, and after. */
  const uint8_t* visibleOld;
  const uint8_t* visibleNext;
};

struct Options {
  /** About how many states are tried, evenly among the stores, and besides those after a store of a site that was never cut; 0 tries all. */
  uint32_t statesMax = 0;
  /** Recoveries that are cut again per state; chosen evenly among their stores. */
  uint32_t recoveryCuts = 0;
  /** Chooses among them. */
  uint32_t seed = 1;
  bool commits = true;
};

struct Report {
  uint64_t states = 0;
  uint64_t recoveryStates = 0;
  uint64_t stores = 0;
  std::vector<std::string> problems;
};

class Engine {
 public:
  /** The segments of the store that is recorded, with the writer's slot. */
  explicit Engine(const StoreView& live);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /** Takes an image of the segments and records the calling thread's stores from now on. */
  void start();
  void stop();
  /** Recorded entries; word 0 of the log is their count. */
  uint32_t* log() { return log_.data(); }
  uint64_t logBytes() const { return log_.size() * 4; }
  /** Main as it was at start(). */
  const uint8_t* old() const { return old_.data(); }
  Report tryAll(const Meaning& meaning, const Options& options);
  /** "file:line" of every C++ site, by number from NATIVE_SITE_FIRST on. */
  static std::vector<std::string> sites();
  /** How many tried states ended with the site's store, by the same number; JavaScript's sites by theirs. */
  const std::vector<uint64_t>& cuts() const { return cuts_; }
  const std::vector<uint64_t>& nativeCuts() const { return nativeCuts_; }

 private:
  enum class Verdict { Old, New, Both, Neither };

  void apply(const uint32_t* entry);
  Verdict judge(const Meaning& meaning, std::string& where);
  bool recover(uint64_t cutAfter, std::string& problem);
  void putBack();
  void checkState(const Meaning& meaning, const Options& options, uint64_t k, Report& report);
  void checkRecovered(const Meaning& meaning, const std::string& where, Report& report);
  void noteCut(uint32_t site);
  bool isCut(uint32_t site) const;
  bool checkMoment(const Meaning& meaning, const uint32_t* entry, std::string& problem);

  StoreView live_;
  uint64_t fixedBytes_, journalOffset_, journalBytes_, undoBytes_, controlBytes_;
  std::vector<uint32_t> log_;
  std::vector<uint8_t> old_, new_;
  /** The state after the stores so far, and the one on which recovery runs. */
  uint8_t *main_, *control_, *scratchMain_, *scratchControl_;
  StoreView scratch_;
  std::vector<uint32_t> touchedSoFar_, touchedAtAll_, touchedByRecovery_;
  std::vector<uint8_t> isTouched_;
  std::vector<uint64_t> cuts_, nativeCuts_;
  bool wasNew_ = false;
  uint64_t recoveryStores_ = 0;
};

}  // namespace mofo::prefix
