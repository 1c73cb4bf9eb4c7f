// What becomes of a connection whose process has died: exactly one of idle, fed again, finished, closed, reset.
//
//   consumed 0, written 0 beyond the exchange's start   idle        nothing is open
//   request and answer whole, all of it written         idle        (or closed, if the answer said so)
//   a committed answer, its request whole               finish      from the first byte that was not written
//   no byte of an answer written, request repeatable    feed again  once
//   anything else                                       reset       with its cause
//
// Pure: it looks at the slot and at what the kernel says, and does nothing.
#pragma once
#include "connection-slot.h"
#include "tcp-account.h"

namespace mofo {

enum class Fate : uint32_t { Idle, FeedAgain, Finish, Closed, Reset, Count };

struct Plan {
  Fate fate = Fate::Reset;
  LossCause cause = LossCause::None;
  /** Bytes went over the connection, in one direction at least. */
  bool isUsed = false;
  /** What the exchange is to be when the plan is followed. */
  Exchange next = {};
};

/** `committedLength`: bytes of the answer that was committed together with the effects of the open request; 0: there is none. */
Plan planConnection(ConnectionSlot& slot, const TcpAccount& account, uint64_t committedLength);

}  // namespace mofo
