// The slots of all connections of an application, in a memory file that the launcher makes and every process of it maps: it is gone when they all are, as
// the connections are. Its size is sealed, so that nobody's access can end in SIGBUS.
#pragma once
#include "connection-plan.h"
#include "file-descriptor.h"
#include "status.h"

namespace mofo {

/** More connections wait in the listening socket. Each costs a page or two of memory, up to 16 KiB with a long request, and a descriptor in three processes. */
constexpr uint32_t CONNECTION_COUNT_MAX = 16384;

struct ConnectionTableHead {
  uint64_t magic;
  uint64_t slotCount;
  /** How connections fared at all takeovers, by fate and, of those that were reset, by cause. */
  uint64_t fates[uint32_t(Fate::Count)];
  uint64_t losses[uint32_t(LossCause::Count)];
};

class ConnectionTable {
 public:
  ConnectionTable() = default;
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;
  ~ConnectionTable();

  Status create(uint32_t slotCount);
  /** Maps the table of another process; refuses what is not one. The descriptor is not needed afterwards. */
  Status attach(int fd);

  int fd() const { return file_.get(); }
  uint32_t slotCount() const { return slotCount_; }
  ConnectionTableHead& head() const { return *static_cast<ConnectionTableHead*>(base_); }
  /** Null when there is no such slot. */
  ConnectionSlot* slot(uint64_t index) const;
  /** Counts what became of a connection. */
  void count(const Plan& plan) const;

 private:
  Status map(int fd, size_t bytes);

  FileDescriptor file_;
  void* base_ = nullptr;
  size_t bytes_ = 0;
  uint32_t slotCount_ = 0;
};

}  // namespace mofo
