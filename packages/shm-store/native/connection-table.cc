#include "connection-table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cerrno>
#include <cstring>

namespace mofo {

namespace {

/** "MOFOCONN" and the version of the layout. */
constexpr uint64_t MAGIC = 0x4d4f464f434f4e01;
constexpr size_t HEAD_BYTES = 4096;
constexpr int SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
static_assert(sizeof(ConnectionTableHead) <= HEAD_BYTES, "the head is one page");

size_t bytesFor(uint64_t slotCount) { return HEAD_BYTES + size_t(slotCount) * sizeof(ConnectionSlot); }

Status failure(const char* doing) { return Status::fail("SYSTEM_ERROR", std::string(doing) + " failed: " + strerror(errno) + ".", errno); }

}  // namespace

ConnectionTable::~ConnectionTable() {
  if (base_ != nullptr) munmap(base_, bytes_);
}

Status ConnectionTable::create(uint32_t slotCount) {
  if (slotCount == 0 || slotCount > CONNECTION_COUNT_MAX) return Status::fail("INVALID_ARGUMENT", "a table has 1 to 16384 slots.");
  FileDescriptor file(memfd_create("mofo-connections", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return failure("making the table of connections");
  if (ftruncate(file.get(), off_t(bytesFor(slotCount))) != 0 || fcntl(file.get(), F_ADD_SEALS, SEALS) != 0)
    return failure("sizing the table of connections");
  const Status status = map(file.get(), bytesFor(slotCount));
  if (!status.isOk()) return status;
  file_ = std::move(file);
  slotCount_ = slotCount;
  head().slotCount = slotCount;
  storeExchange(head().magic, MAGIC);
  return status;
}

Status ConnectionTable::attach(int fd) {
  struct stat about;
  if (fstat(fd, &about) != 0) return failure("looking at the table of connections");
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW) || size_t(about.st_size) < HEAD_BYTES)
    return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(fd) + " is no table of connections.");
  const Status status = map(fd, size_t(about.st_size));
  if (!status.isOk()) return status;
  const uint64_t count = head().slotCount;
  if (head().magic != MAGIC || count == 0 || count > CONNECTION_COUNT_MAX || bytesFor(count) != bytes_)
    return Status::fail("INVALID_ARGUMENT", "the table of connections is of another version.");
  slotCount_ = uint32_t(count);
  return status;
}

Status ConnectionTable::map(int fd, size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return failure("mapping the table of connections");
  base_ = base;
  bytes_ = bytes;
  return Status::ok();
}

ConnectionSlot* ConnectionTable::slot(uint64_t index) const {
  if (index >= slotCount_) return nullptr;
  return reinterpret_cast<ConnectionSlot*>(static_cast<uint8_t*>(base_) + HEAD_BYTES) + index;
}

void ConnectionTable::count(const Plan& plan) const {
  __atomic_fetch_add(&head().fates[uint32_t(plan.fate)], 1, __ATOMIC_RELAXED);
  if (plan.fate == Fate::Reset) __atomic_fetch_add(&head().losses[uint32_t(plan.cause)], 1, __ATOMIC_RELAXED);
}

}  // namespace mofo
