#include "connection-slot.h"

#include <algorithm>
#include "http-framing.h"

namespace mofo {

Exchange& openExchange(ConnectionSlot& slot) { return slot.exchanges[__atomic_load_n(&slot.current, __ATOMIC_ACQUIRE) & 1]; }

void replaceExchange(ConnectionSlot& slot, const Exchange& next) {
  const uint32_t other = (slot.current & 1) ^ 1;
  slot.exchanges[other] = next;
  storeExchange(slot.current, other);
}

void beginConnection(ConnectionSlot& slot, uint64_t number) {
  storeExchange(slot.number, uint64_t(0));
  replaceExchange(slot, Exchange());
  storeExchange(slot.number, number);
}

namespace {

/** The request and its answer are both whole: what is read next begins another exchange. */
void settle(ConnectionSlot& slot) {
  const Exchange& open = openExchange(slot);
  if (open.inCount == 0 || open.answerLength <= 0 || open.outCount < uint64_t(open.answerLength)) return;
  const int64_t length = requestLength(slot.request, size_t(std::min<uint64_t>(open.inCount, REQUEST_BYTES_MAX)), open.inCount);
  // The answer came before the end of the request: the rest of it is still to be read.
  if (length == 0 || (length > 0 && uint64_t(length) > open.inCount)) return;
  Exchange next = {};
  next.inBase = open.inBase + open.inCount;
  next.outBase = open.outBase + open.outCount;
  if (length < 0) next.loss = LossCause::Unreadable;
#ifndef MOFO_PLANT_PIPELINED_FORGOTTEN
  else if (uint64_t(length) < open.inCount) next.loss = LossCause::Pipelined;
#endif
  else if (open.outCount > uint64_t(open.answerLength)) next.loss = LossCause::Unaccounted;
  replaceExchange(slot, next);
}

}  // namespace

uint8_t* beginRead(ConnectionSlot& slot, size_t& room) {
  if (openExchange(slot).loss == LossCause::None) settle(slot);
  const Exchange& open = openExchange(slot);
  if (open.loss != LossCause::None || open.inCount >= REQUEST_BYTES_MAX) return nullptr;
  room = std::min(room, size_t(REQUEST_BYTES_MAX - open.inCount));
  return slot.request + open.inCount;
}

void endRead(ConnectionSlot& slot, size_t count) {
  Exchange& open = openExchange(slot);
  storeExchange(open.inCount, open.inCount + count);
}

}  // namespace mofo
