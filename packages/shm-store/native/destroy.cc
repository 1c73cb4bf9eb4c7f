#include "destroy.h"

#include <sys/mman.h>
#include <cerrno>
#include <cstring>
#include "clock.h"
#include "create.h"
#include "lock.h"
#include "segment.h"

namespace mofo {

namespace {

constexpr double ROLE_WAIT_MS = 100;
constexpr double WRITE_WAIT_MS = 2000;

/** Control's header page, mapped for as long as this lives. */
class ControlMapping {
 public:
  explicit ControlMapping(const FileDescriptor& control) {
    void* mapped = mmap(nullptr, layout::CONTROL_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, control.get(), 0);
    view_.control = mapped == MAP_FAILED ? nullptr : static_cast<uint8_t*>(mapped);
  }
  ~ControlMapping() {
    if (view_.control != nullptr) munmap(view_.control, layout::CONTROL_SLOTS);
  }
  ControlMapping(const ControlMapping&) = delete;
  ControlMapping& operator=(const ControlMapping&) = delete;
  bool isMapped() const { return view_.control != nullptr; }
  const StoreView& view() const { return view_; }

 private:
  StoreView view_;
};

/** Holds one of the robust locks if it could be had in time. A dead owner's lock is had: its journal goes with the store. */
class HeldMutex {
 public:
  HeldMutex(pthread_mutex_t* mutex, double waitMs) : mutex_(mutex), error_(lockUntil(mutex, monotonicMs() + waitMs)) {
    if (error_ == EOWNERDEAD) error_ = pthread_mutex_consistent(mutex_);
  }
  ~HeldMutex() {
    if (isHeld()) pthread_mutex_unlock(mutex_);
  }
  HeldMutex(const HeldMutex&) = delete;
  HeldMutex& operator=(const HeldMutex&) = delete;
  /** A lock that cannot be repaired any more (ENOTRECOVERABLE) keeps nobody from destroying the store. */
  bool isFree() const { return error_ == 0 || error_ == ENOTRECOVERABLE; }

 private:
  bool isHeld() const { return error_ == 0; }
  pthread_mutex_t* mutex_;
  int error_;
};

Status busy(const std::string& name, const char* lock) {
  return Status::fail("STORE_BUSY", "store \"" + name + "\" is in use: a living thread holds its " + lock + " lock.");
}

}  // namespace

Status retireStore(const FileDescriptor& control, const std::string& name, bool force) {
  ControlMapping mapping(control);
  if (!mapping.isMapped()) return Status::fail("MAP_FAILED", std::string("mapping control failed: ") + strerror(errno) + ".", errno);
  const StoreView& view = mapping.view();
  HeldMutex role(roleLockOf(view), ROLE_WAIT_MS);
  if (!role.isFree() && !force) return busy(name, "role");
  HeldMutex write(writeLockOf(view), role.isFree() ? WRITE_WAIT_MS : 0);
  if (!write.isFree() && !force) return busy(name, "write");
  __atomic_store_n(view.controlAt<uint32_t>(layout::CONTROL_RETIRED), 1u, __ATOMIC_SEQ_CST);
  return Status::ok();
}

void retireStoreWithoutLocks(const FileDescriptor& control) {
  const uint32_t retired = 1;
  // A failure leaves what is unlinked next; nobody finds it by name any more.
  (void)!pwrite(control.get(), &retired, sizeof retired, off_t(layout::CONTROL_RETIRED));
}

bool isTouchable(const Status& status) {
  return strcmp(status.code(), "NOT_OWNER") != 0 && strcmp(status.code(), "UNSAFE_MODE") != 0 && strcmp(status.code(), "PERMISSION") != 0;
}

Status destroySegments(const std::string& directory, const std::string& name, bool force, bool& existed) {
  existed = false;
  Status status = checkName(name);
  if (!status.isOk()) return status;
  const StorePaths paths = pathsOf(directory, name);
  CreateLock lock;
  status = lock.take(paths);
  if (!status.isOk()) return status;
  Examined found;
  status = examine(paths, name, found);
  if (!status.isOk()) {
    if (!force || !isTouchable(status)) return status;
    if (found.isControlKnown) retireStoreWithoutLocks(found.files.control);
    existed = true;
  } else if (found.state == StoreState::ready) {
    status = retireStore(found.files.control, name, force);
    if (!status.isOk()) return status;
    existed = true;
  } else if (found.state == StoreState::broken) {
    if (!force) return incompleteStore(name);
    if (found.isControlKnown) retireStoreWithoutLocks(found.files.control);
    existed = true;
  }
  status = removeFiles(paths);
  if (status.isOk()) lock.unlinkFile(paths);
  return status;
}

}  // namespace mofo
