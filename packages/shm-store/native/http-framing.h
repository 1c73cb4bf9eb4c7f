// Where an HTTP/1.1 message ends, and nothing more: enough to tell from a connection's bytes whether a request or an answer is whole. What is
// uncommon or unclear is `unknowable`, which costs that connection its protection and never its correctness.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mofo {

/** What the head of a message says about its length. */
struct MessageHead {
  enum class State { Incomplete, Unknowable, Known };
  State state = State::Incomplete;
  /** Up to and with the empty line. */
  size_t headBytes = 0;
  /** Of the body; -1: none is stated. */
  int64_t contentLength = -1;
  bool isChunked = false;
  /** It says `Connection: close`, or is of HTTP/1.0. */
  bool closes = false;
  /** Of an answer; 0 for a request. */
  int statusCode = 0;
};

/** Reads a head from the first bytes of a message. A head that is not whole yet is Incomplete. */
MessageHead parseHead(const uint8_t* bytes, size_t count, bool isAnswer);

/** Whether a request is one that HTTP calls safe: GET, HEAD or OPTIONS. */
bool isSafeRequest(const uint8_t* bytes, size_t count);
/** Whether a request's answer has no body. */
bool isHeadRequest(const uint8_t* bytes, size_t count);

/** Follows a chunked body to its end, piece by piece. */
class ChunkMeter {
 public:
  enum class State { Open, Ended, Malformed };
  /** Takes the next bytes; returns how many of them belong to the body (all of them until it has ended). */
  size_t feed(const uint8_t* bytes, size_t count);
  State state() const { return state_; }

 private:
  enum class Step { Size, Extension, SizeEnd, Data, DataReturn, DataEnd, TrailerStart, Trailer, TrailerEnd, LastEnd };
  State state_ = State::Open;
  Step step_ = Step::Size;
  uint64_t left_ = 0;
  int digits_ = 0;

  void take(uint8_t byte);
};

/**
 * Length of a whole request that begins with these bytes. `count` are here of `total` that were received.
 *
 * @returns 0 while that is not known yet, -1 if it cannot be known.
 */
int64_t requestLength(const uint8_t* bytes, size_t count, uint64_t total);

}  // namespace mofo
