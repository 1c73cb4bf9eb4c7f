// Native regions: blocks of main that belong to a native addon, which keeps raw pointers in them (R4).
//
//   superblock  MAIN_REGIONS   [ granule | birth stamp | pages | 0 ] x 32
//                                  |
//   block       page 0: header granule, name    page 1 ... : the addon's bytes
//
// While the table has an entry, main is mapped at its recorded address or not at all. The table is written by JavaScript in a transaction
// (src/regions.ts). It is input: everything read from it is bounded.
#pragma once
#include <cstdint>
#include <memory>
#include "include/mofo-region.h"
#include "segment.h"
#include "transaction.h"

namespace mofo {

/** The open store that lends regions; empty once it was closed. Shared by the store and its loans. */
struct RegionHost {
  const StoreView* view = nullptr;
  TransactionCore* transactions = nullptr;
};

/** One handle's hold on a region, valid for the allocation with this birth stamp only. The mapping lives as long as the loan (R4). */
class RegionLoan : public mofo_region_v1 {
 public:
  RegionLoan(std::shared_ptr<StoreMapping> mapping, std::shared_ptr<RegionHost> host, uint32_t granule, uint32_t stamp);

  /** MOFO_REGION_OK and where the addon's bytes are, if the table lists the region (still). */
  int find(uint8_t*& start, uint64_t& bytes) const;

 private:
  static int readOf(mofo_region_v1* region, const void** base, uint64_t* bytes);
  static int writeOf(mofo_region_v1* region, uint64_t offset, uint64_t bytes, void** start);

  std::shared_ptr<StoreMapping> mapping_;
  std::shared_ptr<RegionHost> host_;
  uint32_t granule_;
  uint32_t stamp_;
};

}  // namespace mofo
