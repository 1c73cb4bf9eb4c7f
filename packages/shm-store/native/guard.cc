#include "guard.h"

namespace mofo {

// The snapshot's pre-image copy belongs here, before the mark.
void Guard::open(uint64_t page) const {
  storeByte(states_ + page, mark_);
  storeFence();
}

}  // namespace mofo
