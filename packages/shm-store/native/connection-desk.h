// A process's part: the connections that it holds (clone) or serves (main), by number. Descriptors stay here until a connection is served, so nothing that is
// asked for can touch a descriptor of somebody else.
//
//   Opened ──▶ held ──serve──▶ served ──release──▶ Close
//               │                  ╰──handOver──▶ nothing: another process that holds it goes on with it
//               │ ╰──drop──▶ Close
//               ╰──Closed──▶ gone
#pragma once
#include <deque>
#include <map>
#include <vector>
#include "connection-channel.h"
#include "connection-table.h"

namespace mofo {

class ConnectionDesk {
 public:
  ConnectionDesk() = default;
  ConnectionDesk(const ConnectionDesk&) = delete;
  ConnectionDesk& operator=(const ConnectionDesk&) = delete;
  ~ConnectionDesk() { close(); }

  /** Takes the channel over. */
  Status open(FileDescriptor channel, int tableFd);
  /** Lets go of everything without a word: what is served or held goes on elsewhere. Safe to call twice. */
  void close();

  int channel() const { return channel_.get(); }
  const ConnectionTable& table() const { return table_; }
  /** Takes what has come; false when the launcher is gone. */
  bool receive();
  /** Sends what could not be sent before; true while something waits. */
  bool flush();

  /** Numbers of what is held. Connections for which there was no descriptor are given up: only who serves may ask. */
  std::vector<uint64_t> heldByServer();
  size_t heldCount() const { return held_.size(); }

  /**
   * Decides what becomes of a held connection, counts it, and makes its slot say so. `committedStart` and `committedLength` say for which request an answer
   * is in the store; length 0: for none. `request`: its bytes when it is to be fed again; `sent`: bytes of the answer that are out.
   */
  Status plan(uint64_t number, uint64_t committedStart, uint64_t committedLength, Plan& plan, std::vector<uint8_t>& request, uint64_t& sent);
  /** Ends a held connection, with a reset or in order. */
  Status drop(uint64_t number, bool reset);
  /** Gives the descriptor to the caller, and notes what passes through it. Where that cannot be, the connection is lost at the next takeover, and counted. */
  Status serve(uint64_t number, int& fd);
  /** A served connection is about to be closed: tells the peer and everybody else. */
  Status release(uint64_t number);
  /** A served connection is about to be closed here, and goes on in another process: neither the peer nor anybody else is told. */
  Status handOver(uint64_t number);
  /** The listening socket that a held or served connection was accepted on; false when the connection is over. */
  bool listenerOf(uint64_t number, uint32_t& listener) const;

  /** A request of a served connection is about to be handled; `start` is where it begins, by which it is named from then on. */
  bool beginRequest(uint64_t number, Handling handling, uint64_t& start);
  /** Whether the answer to that request can be committed now: it is the open one, is whole, and nothing was answered. */
  bool canCommit(uint64_t number, uint64_t start);
  /** What the handler of that request may have done. Ignored when it is not the open one any more; a void answer stays void. */
  void setHandling(uint64_t number, uint64_t start, Handling handling);

 private:
  struct Held {
    FileDescriptor fd;
    uint32_t slot;
  };
  struct Served {
    int fd;
    uint32_t slot;
  };
  void say(uint64_t number);
  ConnectionSlot* slotOf(uint64_t number, uint32_t slot) const;
  ConnectionSlot* servedSlot(uint64_t number) const;

  FileDescriptor channel_;
  ConnectionTable table_;
  std::map<uint64_t, Held> held_;
  std::map<uint64_t, Served> served_;
  std::vector<uint64_t> withoutDescriptor_;
  std::deque<ConnectionMessage> waiting_;
};

}  // namespace mofo
