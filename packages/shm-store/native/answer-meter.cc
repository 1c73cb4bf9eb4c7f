#include "answer-meter.h"

namespace mofo {

void AnswerMeter::show(ConnectionSlot& slot, const Piece* pieces, size_t count) {
  Exchange& open = openExchange(slot);
  if (open.loss != LossCause::None || open.answerLength != 0) return;
  if (outBase_ != open.outBase) {
    outBase_ = open.outBase;
    shown_ = 0;
    isChunked_ = false;
    chunks_ = ChunkMeter();
  }
  uint64_t at = open.outCount;
  for (size_t i = 0; i < count && open.answerLength == 0; i++) {
    const Piece piece = pieces[i];
    const uint64_t end = at + piece.count;
    if (end > shown_ && piece.count > 0) {
      const size_t known = shown_ > at ? size_t(shown_ - at) : 0;
      // Bytes went out that were never shown.
      if (shown_ < at) storeExchange(open.answerLength, int64_t(-1));
      else if (shown_ == 0) readHead(slot, piece);
      else if (isChunked_) shown_ += chunks_.feed(piece.bytes + known, piece.count - known);
      if (isChunked_ && chunks_.state() == ChunkMeter::State::Ended) storeExchange(open.answerLength, int64_t(shown_));
      if (isChunked_ && chunks_.state() == ChunkMeter::State::Malformed) storeExchange(open.answerLength, int64_t(-1));
    }
    at = end;
  }
}

void AnswerMeter::readHead(ConnectionSlot& slot, const Piece& first) {
  Exchange& open = openExchange(slot);
  const MessageHead head = parseHead(first.bytes, first.count, true);
  // A head in two pieces is nothing that Node writes; 1xx is no answer yet, or the end of HTTP on this connection.
  if (head.state != MessageHead::State::Known || head.statusCode < 200 || open.inCount == 0) {
    storeExchange(open.loss, LossCause::Unreadable);
    return;
  }
  storeExchange(open.answerCloses, uint32_t(head.closes));
#ifdef MOFO_PLANT_HEAD_HAS_BODY
  const bool isHead = false;
#else
  const bool isHead = isHeadRequest(slot.request, open.inCount < 5 ? size_t(open.inCount) : 5);
#endif
  const bool isBodiless = isHead || head.statusCode == 204 || head.statusCode == 304;
  if (isBodiless) {
    storeExchange(open.answerLength, int64_t(head.headBytes));
  } else if (head.isChunked) {
    isChunked_ = true;
    shown_ = head.headBytes + chunks_.feed(first.bytes + head.headBytes, first.count - head.headBytes);
  } else {
    storeExchange(open.answerLength, head.contentLength < 0 ? int64_t(-1) : int64_t(head.headBytes) + head.contentLength);
  }
}

void AnswerMeter::wrote(ConnectionSlot& slot, size_t count) {
  Exchange& open = openExchange(slot);
  storeExchange(open.outCount, open.outCount + count);
}

}  // namespace mofo
