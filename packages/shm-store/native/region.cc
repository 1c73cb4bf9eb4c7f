#include "region.h"

#include <algorithm>
#include <cstring>
#include "guard.h"
#include "stores.h"

namespace mofo {

namespace {

constexpr uint64_t ENTRY_WORDS = layout::GRANULE_BYTES / 4;

static_assert(layout::MAIN_REGIONS + layout::REGION_COUNT_MAX * layout::GRANULE_BYTES <= layout::MAIN_SLAB_TABLE);

}  // namespace

RegionLoan::RegionLoan(std::shared_ptr<StoreMapping> mapping, std::shared_ptr<RegionHost> host, uint32_t granule, uint32_t stamp)
    : mofo_region_v1{MOFO_REGION_VERSION, sizeof(mofo_region_v1), &RegionLoan::readOf, &RegionLoan::writeOf},
      mapping_(std::move(mapping)),
      host_(std::move(host)),
      granule_(granule),
      stamp_(stamp) {}

int RegionLoan::find(uint8_t*& start, uint64_t& bytes) const {
  const StoreView* view = host_->view;
  if (view == nullptr) return MOFO_REGION_CLOSED;
  const uint64_t reserved = Geometry::toBytes(loadWord(view->controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES)));
  const uint32_t* entry = view->mainAt<uint32_t>(layout::MAIN_REGIONS);
  for (uint64_t index = 0; index < layout::REGION_COUNT_MAX; index++, entry += ENTRY_WORDS) {
    if (loadWord(entry) != granule_ || loadWord(entry + 1) != stamp_) continue;
    const uint64_t first = uint64_t(granule_) * layout::GRANULE_BYTES + layout::PAGE_BYTES;
    const uint64_t size = uint64_t(loadWord(entry + 2)) * layout::PAGE_BYTES;
    if (first % layout::PAGE_BYTES != 0 || first + size > std::min(reserved, view->sizeBytes)) return MOFO_REGION_REMOVED;
    start = view->main + first;
    bytes = size;
    return MOFO_REGION_OK;
  }
  return MOFO_REGION_REMOVED;
}

int RegionLoan::readOf(mofo_region_v1* region, const void** base, uint64_t* bytes) {
  uint8_t* start = nullptr;
  const int code = static_cast<RegionLoan*>(region)->find(start, *bytes);
  if (code == MOFO_REGION_OK) *base = start;
  return code;
}

int RegionLoan::writeOf(mofo_region_v1* region, uint64_t offset, uint64_t bytes, void** start) {
  const auto* self = static_cast<RegionLoan*>(region);
  uint8_t* first = nullptr;
  uint64_t size = 0;
  const int code = self->find(first, size);
  if (code != MOFO_REGION_OK) return code;
  if (!self->host_->transactions->isOpen()) return MOFO_REGION_READ_ONLY;
  if (bytes == 0 || offset > size || bytes > size - offset) return MOFO_REGION_OUT_OF_RANGE;
  const StoreView& view = *self->host_->view;
  const uint64_t at = uint64_t(first - view.main) + offset;
  Guard(view).pages(at / layout::PAGE_BYTES, (at + bytes - 1) / layout::PAGE_BYTES);
  *start = first + offset;
  return MOFO_REGION_OK;
}

}  // namespace mofo
