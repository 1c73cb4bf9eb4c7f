// Every store of the core into a segment goes through these functions, and nothing else writes to one.
//
// That has two reasons. A process may be killed after any of them, so their order *is* the crash protocol: each is an atomic release
// store, which neither the compiler nor a weakly ordered CPU moves before an earlier one; `storeFence` keeps the later ones behind.
// And the cut test (-DMOFO_CUT_TEST) turns each into a place where the run can be stopped: `cut::stored` counts them, notes the line
// they were called from and throws after the k-th one, or records what was stored where. In the shipped build the hook is nothing.
#pragma once
#include <cstdint>
#include <cstring>

#ifdef MOFO_CUT_TEST
namespace mofo::cut {
/** Called after each single store; leaves by an exception when the run is to be cut here. */
void stored(const void* target, uint64_t bytes, const char* file, int line);
}  // namespace mofo::cut
#define MOFO_SITE , const char *siteFile = __builtin_FILE(), int siteLine = __builtin_LINE()
#define MOFO_STORED(target, bytes) ::mofo::cut::stored(target, bytes, siteFile, siteLine)
#else
#define MOFO_SITE
#define MOFO_STORED(target, bytes) static_cast<void>(0)
#endif

namespace mofo {

inline uint32_t loadWord(const uint32_t* source) { return __atomic_load_n(source, __ATOMIC_ACQUIRE); }

inline double loadDouble(const double* source) {
  double value;
  __atomic_load(source, &value, __ATOMIC_ACQUIRE);
  return value;
}

inline uint8_t loadByte(const uint8_t* source) { return __atomic_load_n(source, __ATOMIC_ACQUIRE); }

inline void storeByte(uint8_t* target, uint8_t value MOFO_SITE) {
  __atomic_store_n(target, value, __ATOMIC_RELEASE);
  MOFO_STORED(target, 1);
}

inline void storeWord(uint32_t* target, uint32_t value MOFO_SITE) {
  __atomic_store_n(target, value, __ATOMIC_RELEASE);
  MOFO_STORED(target, 4);
}

/** One aligned store of eight bytes: a killed process leaves the old or the new value. */
inline void storeDouble(double* target, double value MOFO_SITE) {
  __atomic_store(target, &value, __ATOMIC_RELEASE);
  MOFO_STORED(target, 8);
}

/** Adds to a word that several processes count in; returns the value before. A full fence. */
inline uint32_t addWord(uint32_t* target, uint32_t summand MOFO_SITE) {
  const uint32_t before = __atomic_fetch_add(target, summand, __ATOMIC_SEQ_CST);
  MOFO_STORED(target, 4);
  return before;
}

/** Replaces a word if it still has the expected value; returns whether it had. A full fence. */
inline bool swapWord(uint32_t* target, uint32_t expected, uint32_t value MOFO_SITE) {
  const bool swapped = __atomic_compare_exchange_n(target, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  MOFO_STORED(target, 4);
  return swapped;
}

/**
 * Copies whole granules (four words each). Not one store but many, in no particular order: only for bytes that a mark, an undo entry
 * or an odd sequence covers.
 */
inline void copyGranules(uint8_t* target, const uint8_t* source, uint64_t granules MOFO_SITE) {
#ifdef MOFO_CUT_TEST
  for (uint64_t word = 0; word < granules * 4; word++) {
    std::memcpy(target + word * 4, source + word * 4, 4);
    MOFO_STORED(target + word * 4, 4);
  }
#else
  if (granules > 16) {
    std::memcpy(target, source, granules * 16);
    return;
  }
  for (uint64_t granule = 0; granule < granules; granule++) std::memcpy(target + granule * 16, source + granule * 16, 16);
#endif
}

/** Keeps every store after it behind every store before it, also those of copyGranules. */
inline void storeFence() { __atomic_thread_fence(__ATOMIC_RELEASE); }

}  // namespace mofo
