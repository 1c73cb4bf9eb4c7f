// What is known of one connection, in memory that outlives the process that serves it: which bytes belong to the exchange that is open, the request's first
// 16 KiB, and how long its answer is.
//
//   slot   number of the connection │ which of two exchanges counts │ exchange 0 │ exchange 1 │ the request's bytes
//
// Positions count the bytes of the connection since it was accepted, so that they can be compared with what the kernel says it gave and took.
//
// Why a SIGKILL at any store leaves something true: words of the open exchange are changed one at a time, each of them in an order in which the kernel's count
// is ahead of ours or equal (bytes that the kernel gave and that are not counted yet lie in the slot already, for it is there that they were read to). A new
// exchange is written whole beside the open one, and one store makes it count. Only the process that serves writes; whoever reads does so after its death.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mofo {

/** Bytes of a request that are kept, so that it can be fed again. */
constexpr size_t REQUEST_BYTES_MAX = 16 * 1024;

/** Why a connection, or an exchange on it, cannot be saved. The order is that of the counters in the table. */
enum class LossCause : uint32_t {
  None,
  /** The process could not follow its bytes. */
  Untracked,
  /** A request came before the one before it was answered. */
  Pipelined,
  /** The head was not plain HTTP/1.1, or of another protocol. */
  Unreadable,
  /** The request was sent in chunks. */
  Chunked,
  /** More of the request was read than is kept. */
  TooBig,
  /** A part of the answer was sent, and the rest is nowhere. */
  AnswerStarted,
  /** It was being handled, and may have had effects. */
  NotRepeatable,
  /** Its effects are committed, and its answer is not there. */
  AnswerMissing,
  /** It was fed again before. */
  Poison,
  /** The kernel's count and ours do not agree. */
  Unaccounted,
  Count,
};

/** What the handler of the open request may have done already. */
enum class Handling : uint32_t {
  /** It has not begun, or is one that may begin again at any time. */
  None,
  /** It has begun, and all its effects come with its answer, in one transaction. */
  BeforeCommit,
  /** It may have had effects. */
  MayHaveEffects,
  /** Another answer than the committed one is being sent. */
  AnswerVoid,
};

struct Exchange {
  /** Where the request begins, and how many bytes were read since. */
  uint64_t inBase, inCount;
  /** Where the answer begins, and how many bytes were written since. */
  uint64_t outBase, outCount;
  /** Length of the whole answer; 0 not known yet, -1 never known. */
  int64_t answerLength;
  /** The connection ends with this answer. */
  uint32_t answerCloses;
  Handling handling;
  /** How often the request was fed again. */
  uint32_t replays;
  /** Why the connection cannot be saved any more. */
  LossCause loss;
};

/** Begins on a page of its own, so that a short request touches one page only. */
struct alignas(4096) ConnectionSlot {
  /** 0: free. */
  uint64_t number;
  uint32_t current;
  /** Which of the hub's listening sockets it was accepted on. */
  uint32_t listener;
  Exchange exchanges[2];
  uint8_t request[REQUEST_BYTES_MAX];
};
static_assert(sizeof(Exchange) == 56 && sizeof(ConnectionSlot) == 4096 + REQUEST_BYTES_MAX, "shared between processes");

/** The exchange that counts. */
Exchange& openExchange(ConnectionSlot& slot);
/** Puts `next` in place of the open exchange: wholly, or not at all. */
void replaceExchange(ConnectionSlot& slot, const Exchange& next);

/** Gives the slot to a new connection. */
void beginConnection(ConnectionSlot& slot, uint64_t number);

/** Bytes that may be read into the slot now; null when no more are kept. Ends an exchange that is complete. */
uint8_t* beginRead(ConnectionSlot& slot, size_t& room);
/** So many bytes were read. */
void endRead(ConnectionSlot& slot, size_t count);

/** Written bytes are shown in pieces. */
struct Piece {
  const uint8_t* bytes;
  size_t count;
};

/** Sets a word of the open exchange; others see it after everything stored before. */
template <typename Word>
inline void storeExchange(Word& word, Word value) {
  __atomic_store(&word, &value, __ATOMIC_RELEASE);
}

}  // namespace mofo
