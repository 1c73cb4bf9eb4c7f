// The launcher's part: a thread that accepts every connection, keeps its descriptor, and gives it to main and clone alike. So there is no moment at which only a
// process that may die holds a connection, and a process that starts later, as the next clone does, gets all that are open.
//
//   accepted ──Opened──▶ each process ──(main serves, the clone holds)──▶ main: Close ──▶ dropped here, Closed to the others
//
// It may accept on several listening sockets, and a connection's slot says on which; they come and go while the thread runs.
//
// A process that ends takes nothing with it. A slot is given to another connection only after somebody said that the former one is over, and some others
// were; but not before a slot that was never used while there are enough of those, for each that is used costs memory.
#pragma once
#include <pthread.h>
#include <deque>
#include <map>
#include <mutex>
#include <vector>
#include "connection-channel.h"
#include "connection-table.h"

namespace mofo {

class ConnectionHub {
 public:
  ConnectionHub() = default;
  ConnectionHub(const ConnectionHub&) = delete;
  ConnectionHub& operator=(const ConnectionHub&) = delete;
  ~ConnectionHub() { stop(); }

  /** Begins, with no socket to accept on. */
  Status start(uint32_t slotCount);
  /** Accepts on `listenFd` too, from now on; it stays the caller's and must stay open until it is removed, or until `stop`. */
  Status addListener(int listenFd, uint32_t& listener);
  /** Accepts there no more. When this returns, the descriptor is not used any more; connections that were accepted stay. */
  Status removeListener(uint32_t listener);
  /** Makes a channel for a process that is about to be started, and returns that process's end of it. */
  Status addProcess(FileDescriptor& end);
  /** Ends and joins the thread, and lets go of all connections. Safe to call twice. */
  void stop();

  const ConnectionTable& table() const { return table_; }
  uint32_t heldCount() const { return __atomic_load_n(&heldCount_, __ATOMIC_RELAXED); }

 private:
  struct Held {
    FileDescriptor fd;
    uint32_t slot;
  };
  struct Process {
    FileDescriptor channel;
    std::deque<ConnectionMessage> waiting;
    /** Connections are told of in the order of their numbers, up to this one so far. */
    uint64_t toldUpTo = 0;
    bool isBlocked = false;
  };

  static void* run(void* hub);
  void loop();
  void admitProcesses();
  void accept(uint32_t listener);
  bool hasFreeSlot() const { return !freeSlots_.empty() || unusedSlot_ < table_.slotCount(); }
  uint32_t takeSlot();
  void hold(FileDescriptor fd, uint32_t listener);
  void receive(uint64_t key);
  void close(uint64_t number, uint64_t from);
  void push(uint64_t key, Process& process, const ConnectionMessage& message);
  void flush(uint64_t key, Process& process);
  void setAccepting(bool accepts);
  void setWatch(uint64_t key, const Process& process);

  ConnectionTable table_;
  FileDescriptor epoll_, wake_;
  pthread_t thread_ = {};
  bool isRunning_ = false;
  /** Held while connections are accepted in one go, so that who removes a socket knows it unused. */
  std::mutex listening_;
  /** Guarded by it, by number; -1: removed. */
  std::vector<int> listeners_;
  std::mutex joining_;
  /** Guarded by `joining_`, as `stopping_` is; everything below is the thread's own. */
  std::vector<FileDescriptor> joined_;
  bool stopping_ = false;
  std::map<uint64_t, Process> processes_;
  std::map<uint64_t, Held> held_;
  /** Slots that were used and are free, longest first; slots from `unusedSlot_` on were never used. */
  std::deque<uint32_t> freeSlots_;
  uint32_t unusedSlot_ = 0;
  uint64_t lastNumber_ = 0, lastKey_ = 0;
  uint32_t heldCount_ = 0;
  bool accepts_ = false;
  bool mustRetry_ = false;
};

}  // namespace mofo
