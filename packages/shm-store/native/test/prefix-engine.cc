#include "prefix-engine.h"

#include <sys/mman.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include "../geometry.h"
#include "../recovery.h"
#include "../stores.h"

namespace mofo {

namespace {

struct Cut {};

enum class Mode { Off, Record, Trail };

/** What the hook does in this thread. */
struct Hook {
  Mode mode = Mode::Off;
  // Record
  const uint8_t *main = nullptr, *control = nullptr;
  uint64_t mainBytes = 0, controlBytes = 0;
  uint32_t* log = nullptr;
  // Trail: places that recovery wrote
  std::vector<std::pair<uint64_t, uint32_t>>* trail = nullptr;
  uint64_t stores = 0, limit = 0;
  uint32_t lastSite = 0;
};

thread_local Hook hook;
thread_local std::vector<std::pair<uint64_t, uint32_t>> trail;

std::mutex sitesLock;
std::map<std::pair<const char*, int>, uint32_t> siteNumbers;
std::vector<std::string> siteNames;

uint32_t siteOf(const char* path, int line) {
  const std::lock_guard<std::mutex> guard(sitesLock);
  const auto found = siteNumbers.find({path, line});
  if (found != siteNumbers.end()) return found->second;
  const char* slash = strrchr(path, '/');
  const std::string name = std::string(slash == nullptr ? path : slash + 1) + ":" + std::to_string(line);
  // A header's site has an address of its own for its path in each unit.
  uint32_t number = 0;
  while (number < siteNames.size() && siteNames[number] != name) number++;
  if (number == siteNames.size()) siteNames.push_back(name);
  siteNumbers[{path, line}] = prefix::NATIVE_SITE_FIRST + number;
  return prefix::NATIVE_SITE_FIRST + number;
}

}  // namespace

namespace cut {

void stored(const void* target, uint64_t bytes, const char* file, int line) {
  Hook& h = hook;
  if (h.mode == Mode::Off) return;
  const uint8_t* at = static_cast<const uint8_t*>(target);
  const bool inMain = at >= h.main && at < h.main + h.mainBytes;
  const bool inControl = at >= h.control && at < h.control + h.controlBytes;
  if (!inMain && !inControl) return;
  const uint64_t offset = uint64_t(at - (inMain ? h.main : h.control));
  if (h.mode == Mode::Record) {
    const uint32_t index = h.log[0];
    if (index >= prefix::LOG_ENTRY_COUNT_MAX) {
      std::fprintf(stderr, "the log of stores is full\n");
      abort();
    }
    uint32_t* entry = h.log + prefix::ENTRY_WORDS * (index + 1);
    entry[0] = (inMain ? 0u : 1u) | (uint32_t(bytes) << 8);
    entry[1] = siteOf(file, line);
    entry[2] = uint32_t(offset);
    entry[3] = uint32_t(offset >> 32);
    std::memcpy(entry + 4, target, bytes);
    h.log[0] = index + 1;
    return;
  }
  h.trail->push_back({offset | (inMain ? 0 : 1ull << 63), uint32_t(bytes)});
  if (++h.stores != h.limit) return;
  h.lastSite = siteOf(file, line);
  throw Cut();
}

}  // namespace cut

namespace prefix {

namespace {

constexpr uint64_t CONTROL_BIT = 1ull << 63;
constexpr size_t PROBLEMS_MAX = 5;

uint8_t* mapZeroed(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  return static_cast<uint8_t*>(memory);
}

}  // namespace

Engine::Engine(const StoreView& live) : live_(live) {
  const Geometry geometry(live.sizeBytes);
  fixedBytes_ = geometry.fixedBytes();
  journalOffset_ = geometry.journalOffset() + live.slot * geometry.slotBytes();
  journalBytes_ = geometry.journalBytes();
  undoBytes_ = geometry.undoBytes();
  controlBytes_ = geometry.controlBytes();
  log_.resize(uint64_t(ENTRY_WORDS) * (LOG_ENTRY_COUNT_MAX + 1));
  main_ = mapZeroed(live.sizeBytes);
  control_ = mapZeroed(controlBytes_);
  scratchMain_ = mapZeroed(live.sizeBytes);
  scratchControl_ = mapZeroed(controlBytes_);
  scratch_ = live;
  scratch_.main = scratchMain_;
  scratch_.backup = scratchMain_;
  scratch_.control = scratchControl_;
  scratch_.slot = live.slot == 0 ? 1 : 0;
  old_.resize(live.sizeBytes);
  new_.resize(live.sizeBytes);
  isTouched_.resize(live.sizeBytes / layout::GRANULE_BYTES);
  cuts_.resize(NATIVE_SITE_FIRST);
}

Engine::~Engine() {
  stop();
  munmap(main_, live_.sizeBytes);
  munmap(scratchMain_, live_.sizeBytes);
  munmap(control_, controlBytes_);
  munmap(scratchControl_, controlBytes_);
}

void Engine::start() {
  const uint64_t reserved =
      std::min(live_.sizeBytes, Geometry::toBytes(loadWord(live_.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES))));
  std::memset(old_.data(), 0, old_.size());
  std::memcpy(old_.data(), live_.main, reserved);
  const uint64_t journal = uint64_t(*live_.slotAt<uint32_t>(live_.slot, layout::SLOT_JOURNAL_RESERVED)) * layout::PAGE_BYTES;
  const uint64_t undo = uint64_t(*live_.slotAt<uint32_t>(live_.slot, layout::SLOT_UNDO_RESERVED)) * layout::PAGE_BYTES;
  for (uint8_t* image : {control_, scratchControl_}) {
    std::memcpy(image, live_.control, fixedBytes_);
    std::memcpy(image + journalOffset_, live_.control + journalOffset_, std::min<uint64_t>(journal, 65536));
    std::memcpy(image + journalOffset_ + journalBytes_, live_.control + journalOffset_ + journalBytes_, std::min<uint64_t>(undo, 65536));
  }
  std::memcpy(main_, old_.data(), old_.size());
  std::memcpy(scratchMain_, old_.data(), old_.size());
  log_[0] = 0;
  hook = Hook();
  hook.main = live_.main;
  hook.mainBytes = live_.sizeBytes;
  hook.control = live_.control;
  hook.controlBytes = controlBytes_;
  hook.log = log_.data();
  hook.mode = Mode::Record;
}

void Engine::stop() { hook.mode = Mode::Off; }

std::vector<std::string> Engine::sites() {
  const std::lock_guard<std::mutex> guard(sitesLock);
  return siteNames;
}

void Engine::noteCut(uint32_t site) {
  if (site < NATIVE_SITE_FIRST) {
    cuts_[site]++;
    return;
  }
  const uint32_t number = site - NATIVE_SITE_FIRST;
  if (number >= nativeCuts_.size()) nativeCuts_.resize(number + 1);
  nativeCuts_[number]++;
}

bool Engine::isCut(uint32_t site) const {
  if (site < NATIVE_SITE_FIRST) return cuts_[site] != 0;
  const uint32_t number = site - NATIVE_SITE_FIRST;
  return number < nativeCuts_.size() && nativeCuts_[number] != 0;
}

void Engine::apply(const uint32_t* entry) {
  const uint32_t bytes = entry[0] >> 8;
  const uint64_t offset = entry[2] | uint64_t(entry[3]) << 32;
  const bool inMain = (entry[0] & 0xff) == 0;
  std::memcpy((inMain ? main_ : control_) + offset, entry + 4, bytes);
  std::memcpy((inMain ? scratchMain_ : scratchControl_) + offset, entry + 4, bytes);
  if (!inMain) return;
  for (uint64_t granule = offset / 16; granule <= (offset + bytes - 1) / 16; granule++) {
    if (isTouched_[granule] == 1) continue;
    isTouched_[granule] = 1;
    touchedSoFar_.push_back(uint32_t(granule));
  }
}

/** What holds of every single store into main: its page is guarded, and readers see no part of a transaction. */
bool Engine::checkMoment(const Meaning& meaning, const uint32_t* entry, std::string& problem) {
  const uint64_t offset = entry[2] | uint64_t(entry[3]) << 32;
  if ((entry[0] & 0xff) != 0) return true;
  const uint64_t states = uint64_t(*reinterpret_cast<double*>(control_ + layout::CONTROL_PAGE_STATES));
  if (control_[states + offset / layout::PAGE_BYTES] == 0) {
    problem = "went to page " + std::to_string(offset / layout::PAGE_BYTES) + " past the guard";
    return false;
  }
  if ((*reinterpret_cast<uint32_t*>(control_ + layout::CONTROL_SEQUENCE) & 1) != 0) return true;
  const uint64_t granule = offset / 16;
  const bool isOld = std::memcmp(main_ + granule * 16, &old_[granule * 16], 16) == 0;
  const bool isNew = std::memcmp(main_ + granule * 16, &new_[granule * 16], 16) == 0;
  if (meaning.visibleOld[granule] == 1 && !isOld && !(wasNew_ && isNew)) {
    problem = "can be seen by readers at granule " + std::to_string(granule) + " though the sequence is even";
    return false;
  }
  return true;
}

/** Recovers the scratch image; true when it came to its end. */
bool Engine::recover(uint64_t cutAfter, std::string& problem) {
  hook.main = scratchMain_;
  hook.mainBytes = live_.sizeBytes;
  hook.control = scratchControl_;
  hook.controlBytes = controlBytes_;
  hook.trail = &trail;
  hook.stores = 0;
  hook.limit = cutAfter;
  hook.mode = Mode::Trail;
  bool finished = true;
  try {
    const Status status = recoverAll(scratch_);
    if (!status.isOk()) problem = std::string("recovery says ") + status.code() + ": " + status.detail();
  } catch (const Cut&) {
    finished = false;
  }
  hook.mode = Mode::Off;
  recoveryStores_ = hook.stores;
  if (!finished) noteCut(hook.lastSite);
  return finished;
}

void Engine::putBack() {
  for (const auto& [place, bytes] : trail) {
    const uint64_t offset = place & ~CONTROL_BIT;
    if ((place & CONTROL_BIT) != 0) std::memcpy(scratchControl_ + offset, control_ + offset, bytes);
    else std::memcpy(scratchMain_ + offset, main_ + offset, bytes);
  }
  trail.clear();
}

Engine::Verdict Engine::judge(const Meaning& meaning, std::string& where) {
  bool isOld = true, isNew = true;
  const auto look = [&](uint32_t granule) {
    const uint8_t* now = scratchMain_ + uint64_t(granule) * 16;
    if (isOld && meaning.old[granule] == 1 && std::memcmp(now, &old_[uint64_t(granule) * 16], 16) != 0) {
      isOld = false;
      where += " granule " + std::to_string(granule) + " is not as before;";
    }
    if (isNew && meaning.next[granule] == 1 && std::memcmp(now, &new_[uint64_t(granule) * 16], 16) != 0) {
      isNew = false;
      where += " granule " + std::to_string(granule) + " is not as after;";
    }
  };
  for (const uint32_t granule : touchedAtAll_) {
    look(granule);
    if (!isOld && !isNew) return Verdict::Neither;
  }
  for (const auto& [place, bytes] : trail) {
    if ((place & CONTROL_BIT) == 0) look(uint32_t(place / 16));
    if (!isOld && !isNew) return Verdict::Neither;
  }
  return isOld ? (isNew ? Verdict::Both : Verdict::Old) : Verdict::New;
}

void Engine::checkRecovered(const Meaning& meaning, const std::string& where, Report& report) {
  const auto complain = [&](const std::string& what) {
    if (report.problems.size() < PROBLEMS_MAX) report.problems.push_back(where + ": " + what);
  };
  std::string detail;
  const Verdict verdict = judge(meaning, detail);
  if (verdict == Verdict::Neither) complain("neither the old nor the new state:" + detail);
  if (verdict == Verdict::Old && wasNew_) complain("a transaction that had happened was taken back:" + detail);
  if (verdict == Verdict::New) wasNew_ = true;
  const auto slotWord = [&](uint32_t slot, uint64_t field) { return scratch_.slotAt<uint32_t>(slot, field); };
  for (const uint32_t slot : {live_.slot, scratch_.slot}) {
    if (*reinterpret_cast<double*>(slotWord(slot, layout::SLOT_MARK)) != 0 || *slotWord(slot, layout::SLOT_UNDO_COUNT) != 0 ||
        *reinterpret_cast<double*>(slotWord(slot, layout::SLOT_TRANSACTION_ID)) != 0)
      complain("the slot is not at rest");
  }
  if ((*scratch_.controlAt<uint32_t>(layout::CONTROL_SEQUENCE) & 1) != 0) complain("the sequence is odd");
  const uint8_t* states = scratch_.pageStates();
  uint64_t lastPage = UINT64_MAX;
  for (const uint32_t granule : touchedSoFar_) {
    const uint64_t page = granule / 256;
    if (page == lastPage || states[page] != 0) continue;
    lastPage = page;
    if (std::memcmp(scratchMain_ + page * 4096, &old_[page * 4096], 4096) != 0) complain("page " + std::to_string(page) + " changed and is not dirty");
  }
}

void Engine::checkState(const Meaning& meaning, const Options& options, uint64_t k, Report& report) {
  const std::string where = "after store " + std::to_string(k) + " of " + std::to_string(report.stores);
  std::string problem;
  recover(0, problem);
  const uint64_t stores = recoveryStores_;
  if (!problem.empty() && report.problems.size() < PROBLEMS_MAX) report.problems.push_back(where + ": " + problem);
  checkRecovered(meaning, where, report);
  report.states++;
  putBack();
  if (options.recoveryCuts == 0 || stores == 0) return;
  const uint64_t step = std::max<uint64_t>(1, stores / options.recoveryCuts);
  for (uint64_t j = 1 + (k + options.seed) % step; j <= stores; j += step) {
    recover(j, problem);
    recover(0, problem);
    const std::string again = where + ", recovery cut after store " + std::to_string(j) + " of " + std::to_string(stores);
    if (!problem.empty() && report.problems.size() < PROBLEMS_MAX) report.problems.push_back(again + ": " + problem);
    checkRecovered(meaning, again, report);
    report.recoveryStates++;
    putBack();
  }
}

Report Engine::tryAll(const Meaning& meaning, const Options& options) {
  Report report;
  const uint32_t count = log_[0];
  report.stores = count;
  // The new state is what all stores make; it must be what lies in the live segment.
  std::memcpy(new_.data(), old_.data(), new_.size());
  touchedAtAll_.clear();
  for (uint32_t index = 0; index < count; index++) {
    const uint32_t* entry = log_.data() + ENTRY_WORDS * (index + 1);
    if ((entry[0] & 0xff) != 0) continue;
    const uint64_t offset = entry[2] | uint64_t(entry[3]) << 32, bytes = entry[0] >> 8;
    std::memcpy(&new_[offset], entry + 4, bytes);
    for (uint64_t granule = offset / 16; granule <= (offset + bytes - 1) / 16; granule++) {
      if (isTouched_[granule] == 2) continue;
      isTouched_[granule] = 2;
      touchedAtAll_.push_back(uint32_t(granule));
    }
  }
  const uint64_t reserved =
      std::min(live_.sizeBytes, Geometry::toBytes(loadWord(live_.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES))));
  if (std::memcmp(new_.data(), live_.main, reserved) != 0) {
    uint64_t at = 0;
    while (new_[at] == live_.main[at]) at++;
    report.problems.push_back("a store went past the record: byte " + std::to_string(at) + " of main, granule " + std::to_string(at / 16));
  }

  const uint32_t stride = options.statesMax == 0 ? 1 : 1 + count / options.statesMax;
  wasNew_ = false;
  touchedSoFar_.clear();
  checkState(meaning, options, 0, report);
  for (uint32_t index = 0; index < count && report.problems.size() < PROBLEMS_MAX; index++) {
    const uint32_t* entry = log_.data() + ENTRY_WORDS * (index + 1);
    apply(entry);
    std::string problem;
    if (!checkMoment(meaning, entry, problem)) report.problems.push_back("store " + std::to_string(index + 1) + " " + problem);
    if ((index + 1 + options.seed) % stride != 0 && index + 1 != count && isCut(entry[1])) continue;
    noteCut(entry[1]);
    checkState(meaning, options, index + 1, report);
  }
  if (options.commits && !wasNew_ && report.problems.empty() && std::memcmp(old_.data(), new_.data(), old_.size()) != 0) {
    std::string detail;
    std::memcpy(scratchMain_, new_.data(), new_.size());
    const Verdict verdict = judge(meaning, detail);
    if (verdict != Verdict::Both) report.problems.push_back("the transaction never became the new state:" + detail);
  }
  for (const uint32_t granule : touchedAtAll_) isTouched_[granule] = 0;
  return report;
}

}  // namespace prefix
}  // namespace mofo
