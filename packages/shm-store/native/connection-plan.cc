#include "connection-plan.h"

#include <algorithm>
#include "http-framing.h"

namespace mofo {

namespace {

Plan reset(LossCause cause) {
  Plan plan;
  plan.cause = cause;
  return plan;
}

Plan idle(const TcpAccount& account) {
  Plan plan;
  plan.fate = Fate::Idle;
  plan.next.inBase = account.consumed;
  plan.next.outBase = account.written;
  return plan;
}

LossCause whyNotRepeatable(const ConnectionSlot& slot, const Exchange& open, size_t count) {
#ifndef MOFO_PLANT_FED_FOR_EVER
  if (open.replays > 0) return LossCause::Poison;
#endif
  if (isSafeRequest(slot.request, count) || open.handling == Handling::None || open.handling == Handling::BeforeCommit) return LossCause::None;
  return open.handling == Handling::AnswerVoid ? LossCause::AnswerMissing : LossCause::NotRepeatable;
}

Plan feedAgain(const ConnectionSlot& slot, const Exchange& open, uint64_t consumed) {
  const LossCause cause = whyNotRepeatable(slot, open, size_t(consumed));
  if (cause != LossCause::None) return reset(cause);
  Plan plan;
  plan.fate = Fate::FeedAgain;
  plan.next.inBase = open.inBase;
  plan.next.inCount = consumed;
  plan.next.outBase = open.outBase;
  plan.next.replays = open.replays + 1;
  return plan;
}

}  // namespace

Plan planConnection(ConnectionSlot& slot, const TcpAccount& account, uint64_t committedLength) {
  if (!account.isOpen) {
    Plan plan;
    plan.fate = Fate::Closed;
    return plan;
  }
  const Exchange open = openExchange(slot);
  if (!account.isCoherent) return reset(LossCause::Unaccounted);
  if (open.loss != LossCause::None) return reset(open.loss < LossCause::Count ? open.loss : LossCause::Unaccounted);
  // The kernel is never behind: bytes that it gave are counted after it gave them.
  if (account.consumed < open.inBase + open.inCount || account.written < open.outBase + open.outCount) return reset(LossCause::Unaccounted);
  const uint64_t consumed = account.consumed - open.inBase;
  const uint64_t sent = account.written - open.outBase;
  if (consumed == 0) return sent == 0 ? idle(account) : reset(LossCause::Unaccounted);

  const size_t kept = size_t(std::min<uint64_t>(consumed, REQUEST_BYTES_MAX));
  const int64_t length = requestLength(slot.request, kept, consumed);
  const bool isWhole = length > 0 && uint64_t(length) == consumed;
  if (length > 0 && uint64_t(length) < consumed) return reset(LossCause::Pipelined);
  if (open.answerLength > 0 && sent >= uint64_t(open.answerLength)) {
    if (!isWhole || sent > uint64_t(open.answerLength)) return reset(length < 0 ? LossCause::Unreadable : LossCause::Unaccounted);
    Plan plan = idle(account);
    if (open.answerCloses != 0) plan.fate = Fate::Closed;
    return plan;
  }
  if (committedLength > 0 && open.handling != Handling::AnswerVoid) {
    // Its request was whole when it was committed.
    if (!isWhole || sent > committedLength) return reset(LossCause::Unaccounted);
    Plan plan;
    plan.fate = Fate::Finish;
    plan.next = open;
    plan.next.inCount = consumed;
    plan.next.outCount = sent;
    plan.next.answerLength = int64_t(committedLength);
    return plan;
  }
  if (sent > 0) return reset(LossCause::AnswerStarted);
  if (consumed > REQUEST_BYTES_MAX) return reset(LossCause::TooBig);
  if (length < 0) return reset(LossCause::Unreadable);
  if (parseHead(slot.request, kept, false).isChunked) return reset(LossCause::Chunked);
  return feedAgain(slot, open, consumed);
}

}  // namespace mofo
