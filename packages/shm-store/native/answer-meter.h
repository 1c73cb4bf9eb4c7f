// Finds out how long an answer is, from what the process is about to write: before the bytes go out, so that after a death at any moment it can be told
// whether all of them did.
#pragma once
#include "connection-slot.h"
#include "http-framing.h"

namespace mofo {

class AnswerMeter {
 public:
  /** These bytes are about to be written. Some of them may have been shown before, when the kernel did not take all. */
  void show(ConnectionSlot& slot, const Piece* pieces, size_t count);
  /** The kernel took so many. */
  void wrote(ConnectionSlot& slot, size_t count);

 private:
  void readHead(ConnectionSlot& slot, const Piece& first);

  /** Which exchange `chunks_` is about, and how many of its bytes it has seen. */
  uint64_t outBase_ = ~uint64_t(0);
  uint64_t shown_ = 0;
  ChunkMeter chunks_;
  bool isChunked_ = false;
};

}  // namespace mofo
