#include "http-framing.h"

#include <cstring>
#include <strings.h>

namespace mofo {

namespace {

/** A length beyond this is not believed. */
constexpr int64_t LENGTH_MAX = int64_t(1) << 52;

bool beginsWith(const uint8_t* bytes, size_t count, const char* text) {
  const size_t length = strlen(text);
  return count >= length && memcmp(bytes, text, length) == 0;
}

/** The value of a header if it is the one named; null otherwise. */
const char* valueOf(const char* line, size_t length, const char* name, size_t nameLength, size_t& valueLength) {
  if (length <= nameLength || line[nameLength] != ':' || strncasecmp(line, name, nameLength) != 0) return nullptr;
  const char* value = line + nameLength + 1;
  const char* end = line + length;
  while (value < end && (*value == ' ' || *value == '\t')) value++;
  while (end > value && (end[-1] == ' ' || end[-1] == '\t')) end--;
  valueLength = size_t(end - value);
  return value;
}

bool isText(const char* value, size_t length, const char* text) {
  return length == strlen(text) && strncasecmp(value, text, length) == 0;
}

/** -1 if it is no plain number. */
int64_t parseLength(const char* value, size_t length) {
  if (length == 0 || length > 16) return -1;
  int64_t result = 0;
  for (size_t i = 0; i < length; i++) {
    if (value[i] < '0' || value[i] > '9') return -1;
    result = result * 10 + (value[i] - '0');
  }
  return result <= LENGTH_MAX ? result : -1;
}

/** False if the line makes the message's length unclear. */
bool readHeader(const char* line, size_t length, MessageHead& head) {
  // A line that goes on from the one before was given up long ago.
  if (line[0] == ' ' || line[0] == '\t') return false;
  size_t valueLength = 0;
  switch (line[0] | 0x20) {
    case 'c':
      if (const char* value = valueOf(line, length, "content-length", 14, valueLength)) {
        const int64_t stated = parseLength(value, valueLength);
        if (stated < 0 || head.contentLength >= 0) return false;
        head.contentLength = stated;
      } else if (const char* connection = valueOf(line, length, "connection", 10, valueLength)) {
        if (isText(connection, valueLength, "close")) head.closes = true;
        else if (!isText(connection, valueLength, "keep-alive")) return false;
      }
      return true;
    case 't':
      if (const char* value = valueOf(line, length, "transfer-encoding", 17, valueLength)) {
        if (head.isChunked || !isText(value, valueLength, "chunked")) return false;
        head.isChunked = true;
      }
      return true;
    case 'u':
      return valueOf(line, length, "upgrade", 7, valueLength) == nullptr;
    default:
      return true;
  }
}

MessageHead unknowable(MessageHead head) {
  head.state = MessageHead::State::Unknowable;
  return head;
}

}  // namespace

MessageHead parseHead(const uint8_t* bytes, size_t count, bool isAnswer) {
  MessageHead head;
  if (count == 0) return head;
  const char* text = reinterpret_cast<const char*>(bytes);
  const char* end = text + count;
  const char* lineEnd = static_cast<const char*>(memchr(text, '\n', count));
  if (lineEnd == nullptr) return head;
  size_t length = size_t(lineEnd - text);
  if (length < 12 || lineEnd[-1] != '\r') return unknowable(head);
  const char* version = isAnswer ? text : lineEnd - 9;
  if (memcmp(version, "HTTP/1.", 7) != 0 || (version[7] != '0' && version[7] != '1')) return unknowable(head);
  if (version[7] == '0') head.closes = true;
  if (isAnswer) {
    for (int i = 9; i < 12; i++) {
      if (text[i] < '0' || text[i] > '9') return unknowable(head);
      head.statusCode = head.statusCode * 10 + (text[i] - '0');
    }
  }
  for (const char* line = lineEnd + 1; line < end; line = lineEnd + 1) {
    lineEnd = static_cast<const char*>(memchr(line, '\n', size_t(end - line)));
    if (lineEnd == nullptr) return head;
    length = size_t(lineEnd - line);
    if (length == 0 || lineEnd[-1] != '\r') return unknowable(head);
    if (length == 1) {
      if (head.isChunked && head.contentLength >= 0) return unknowable(head);
      head.headBytes = size_t(lineEnd + 1 - text);
      head.state = MessageHead::State::Known;
      return head;
    }
    if (!readHeader(line, length - 1, head)) return unknowable(head);
  }
  return head;
}

bool isSafeRequest(const uint8_t* bytes, size_t count) {
  return beginsWith(bytes, count, "GET ") || beginsWith(bytes, count, "OPTIONS ") || isHeadRequest(bytes, count);
}

bool isHeadRequest(const uint8_t* bytes, size_t count) { return beginsWith(bytes, count, "HEAD "); }

size_t ChunkMeter::feed(const uint8_t* bytes, size_t count) {
  size_t at = 0;
  while (at < count && state_ == State::Open) {
    if (step_ == Step::Data) {
      const uint64_t here = count - at < left_ ? count - at : left_;
      at += size_t(here);
      left_ -= here;
      if (left_ == 0) step_ = Step::DataReturn;
    } else {
      take(bytes[at++]);
    }
  }
  return at;
}

void ChunkMeter::take(uint8_t byte) {
  const auto expect = [&](uint8_t wanted, Step next) {
    if (byte == wanted) step_ = next;
    else state_ = State::Malformed;
  };
  switch (step_) {
    case Step::Size: {
      const uint8_t lower = byte | 0x20;
      const int digit = byte >= '0' && byte <= '9' ? byte - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
      if (digit >= 0 && digits_ < 13) {
        left_ = left_ * 16 + uint64_t(digit);
        digits_++;
      } else if (digits_ == 0 || digit >= 0) {
        state_ = State::Malformed;
      } else if (byte == '\r') {
        step_ = Step::SizeEnd;
      } else if (byte == ';' || byte == ' ' || byte == '\t') {
        step_ = Step::Extension;
      } else {
        state_ = State::Malformed;
      }
      return;
    }
    case Step::Extension:
      if (byte == '\r') step_ = Step::SizeEnd;
      return;
    case Step::SizeEnd:
      expect('\n', left_ == 0 ? Step::TrailerStart : Step::Data);
      digits_ = 0;
      return;
    case Step::Data:
      return;
    case Step::DataReturn:
      expect('\r', Step::DataEnd);
      return;
    case Step::DataEnd:
      expect('\n', Step::Size);
      return;
    case Step::TrailerStart:
      step_ = byte == '\r' ? Step::LastEnd : Step::Trailer;
      return;
    case Step::Trailer:
      if (byte == '\r') step_ = Step::TrailerEnd;
      return;
    case Step::TrailerEnd:
      expect('\n', Step::TrailerStart);
      return;
    case Step::LastEnd:
      if (byte == '\n') state_ = State::Ended;
      else state_ = State::Malformed;
      return;
  }
}

int64_t requestLength(const uint8_t* bytes, size_t count, uint64_t total) {
  const MessageHead head = parseHead(bytes, count, false);
  if (head.state == MessageHead::State::Unknowable) return -1;
  if (head.state == MessageHead::State::Incomplete) return count < total ? -1 : 0;
  if (!head.isChunked) return int64_t(head.headBytes) + (head.contentLength < 0 ? 0 : head.contentLength);
  ChunkMeter meter;
  const size_t body = meter.feed(bytes + head.headBytes, count - head.headBytes);
  if (meter.state() == ChunkMeter::State::Ended) return int64_t(head.headBytes + body);
  return meter.state() == ChunkMeter::State::Malformed || count < total ? -1 : 0;
}

}  // namespace mofo
