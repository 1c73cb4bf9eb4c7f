#include "create.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "clock.h"
#include "lock.h"
#include "reserve.h"

namespace mofo {

namespace {

constexpr double CREATE_LOCK_TIMEOUT_MS = 10000;
constexpr long POLL_MIN_NS = 200000, POLL_MAX_NS = 10000000;

Status createFile(const std::string& path, uint64_t bytes, FileDescriptor& file) {
  Status status = openOwnFile(path, O_RDWR | O_CREAT | O_EXCL, file);
  if (!status.isOk()) return status;
  if (ftruncate(file.get(), off_t(bytes)) != 0) return systemFailure("sizing " + path, errno);
  return Status::ok();
}

template <typename T>
void put(uint8_t* page, uint64_t offset, T value) {
  memcpy(page + offset, &value, sizeof value);
}

Status fillRandom(uint8_t* bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    const ssize_t got = getrandom(bytes + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return systemFailure("asking for random bytes", errno);
    done += size_t(got);
  }
  return Status::ok();
}

void writeSuperblock(const StoreMapping& mapping, const uint8_t (&storeId)[16]) {
  const Geometry& geometry = mapping.geometry();
  uint8_t* main = mapping.view().main;
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  memcpy(main + layout::MAIN_MAGIC, "MOFOMAIN", 8);
  put(main, layout::MAIN_FORMAT, uint32_t(layout::FORMAT_VERSION));
  put(main, layout::MAIN_BYTE_ORDER, uint32_t(layout::BYTE_ORDER_MARK));
  put(main, layout::MAIN_SIZE, double(geometry.sizeBytes));
  memcpy(main + layout::MAIN_STORE_ID, storeId, sizeof storeId);
  put(main, layout::MAIN_BASE_ADDRESS, uint64_t(reinterpret_cast<uintptr_t>(main)));
  put(main, layout::MAIN_LAYOUT_HASH, layout::LAYOUT_HASH);
  put(main, layout::MAIN_CREATED_AT, double(now.tv_sec) * 1000 + double(now.tv_nsec / 1000000));
  put(main, layout::MAIN_NEXT_LAYOUT_ID, uint32_t(layout::LAYOUT_USER_FIRST));
  const uint32_t firstSlab = uint32_t(geometry.heapStart() / layout::SLAB_BYTES);
  put(main, layout::MAIN_HEAP_FIRST_SLAB, firstSlab);
  put(main, layout::MAIN_HEAP_END_SLAB, firstSlab);
  put(main, layout::MAIN_HEAP_NOMINAL_SLABS, uint32_t(geometry.slabCount()));
  // Page states are all zero, "equal to backup": so backup's superblock is the same.
  memcpy(mapping.view().backup, main, layout::PAGE_BYTES);
}

void writeControlHeader(const StoreMapping& mapping, const uint8_t (&storeId)[16], double pidNamespaceInode) {
  const Geometry& geometry = mapping.geometry();
  uint8_t* control = mapping.view().control;
  put(control, layout::CONTROL_FORMAT, uint32_t(layout::FORMAT_VERSION));
  put(control, layout::CONTROL_LAYOUT_HASH, layout::LAYOUT_HASH);
  memcpy(control + layout::CONTROL_STORE_ID, storeId, sizeof storeId);
  put(control, layout::CONTROL_SIZE, double(geometry.sizeBytes));
  put(control, layout::CONTROL_PID_NAMESPACE, pidNamespaceInode);
  put(control, layout::CONTROL_LIBC_HASH, libcHash());
  put(control, layout::CONTROL_SLOT_COUNT, uint32_t(layout::SLOT_COUNT));
  put(control, layout::CONTROL_JOURNAL_OFFSET, double(geometry.journalOffset()));
  put(control, layout::CONTROL_JOURNAL_BYTES, double(geometry.journalBytes()));
  put(control, layout::CONTROL_UNDO_BYTES, double(geometry.undoBytes()));
  put(control, layout::CONTROL_PAGE_STATES, double(geometry.pageStates()));
  put(control, layout::CONTROL_PAGE_COUNT, double(geometry.pageCount()));
  put(control, layout::CONTROL_RESERVED_GRANULES, Geometry::toGranules(geometry.firstReserved()));
}

/** Makes the three files under the create lock; on failure they are removed again by the caller. */
Status makeStore(const StorePaths& paths, const OpenRequest& request, std::shared_ptr<StoreMapping>& result) {
  const Geometry geometry(request.sizeBytes);
  StoreFiles files;
  uint8_t storeId[16];
  double inode = 0;
  Status status = pidNamespace(inode);
  if (status.isOk()) status = fillRandom(storeId, sizeof storeId);
  if (status.isOk()) status = createFile(paths.control, geometry.controlBytes(), files.control);
  // From here on the file says whose it is, so that what a killed creator wrote besides is recognized as half made.
  if (status.isOk() && pwrite(files.control.get(), "MOFOCTRL", 8, off_t(layout::CONTROL_MAGIC)) != 8)
    status = systemFailure("writing " + paths.control, errno);
  if (status.isOk()) status = createFile(paths.main, geometry.sizeBytes, files.main);
  if (status.isOk()) status = createFile(paths.backup, geometry.sizeBytes, files.backup);
  if (status.isOk()) status = requireMemory(geometry.pageStates());
  if (status.isOk()) status = allocateRange(files.control, 0, geometry.pageStates());
  std::shared_ptr<StoreMapping> mapping;
  const MapRequest map{preferredAddress(request.name), false};
  if (status.isOk()) status = StoreMapping::map(std::move(files), request.sizeBytes, map, mapping);
  if (status.isOk()) status = backMain(*mapping, 0, geometry.firstReserved(), request.hugePages);
  if (!status.isOk()) return status;
  writeSuperblock(*mapping, storeId);
  StoreView view = mapping->view();
  status = initLocks(view);
  if (!status.isOk()) return status;
  writeControlHeader(*mapping, storeId, inode);
  __atomic_store_n(view.controlAt<uint32_t>(layout::CONTROL_READY), 1u, __ATOMIC_RELEASE);
  result = std::move(mapping);
  return Status::ok();
}

Status checkRequest(const OpenRequest& request) {
  Status status = checkName(request.name);
  if (!status.isOk()) return status;
  if (request.sizeBytes == 0 ? request.create : !Geometry::isValidSize(request.sizeBytes))
    return Status::fail("INVALID_SIZE", std::to_string(request.sizeBytes) + " bytes is no size for a store.");
  return Status::ok();
}

Status openUnderLock(const StorePaths& paths, const OpenRequest& request, OpenedStore& result) {
  Examined found;
  Status status = examine(paths, request.name, found);
  if (!status.isOk()) return status;
  if (found.state == StoreState::broken) return incompleteStore(request.name);
  if (found.state == StoreState::ready) {
    if (request.sizeBytes != 0 && request.sizeBytes != found.sizeBytes)
      return Status::fail("SIZE_MISMATCH", "store \"" + request.name + "\" has " + std::to_string(found.sizeBytes) + " bytes, not " +
                                               std::to_string(request.sizeBytes) + ".");
    if (found.hasRegions && request.anyAddress)
      return Status::fail("ADDRESS_REQUIRED", "store \"" + request.name + "\" has native regions that hold raw pointers.");
    const MapRequest map{found.baseAddress, request.exactAddress || found.hasRegions};
    return StoreMapping::map(std::move(found.files), found.sizeBytes, map, result.mapping);
  }
  // What a killed creator or destroyer left, if anything; nobody can be attached to it, or must re-attach anyway.
  status = removeFiles(paths);
  if (status.isOk() && !request.create) {
    result.lock.unlinkFile(paths);
    status = Status::fail("NOT_FOUND", "there is no store \"" + request.name + "\".");
  }
  if (!status.isOk() || !request.create) return status;
  status = makeStore(paths, request, result.mapping);
  result.created = status.isOk();
  if (!status.isOk() && removeFiles(paths).isOk()) result.lock.unlinkFile(paths);
  return status;
}

}  // namespace

Status formatControl(const StoreMapping& mapping, const uint8_t (&storeId)[16], uint64_t reservedBytes) {
  double inode = 0;
  Status status = pidNamespace(inode);
  StoreView view = mapping.view();
  memcpy(view.control + layout::CONTROL_MAGIC, "MOFOCTRL", 8);
  if (status.isOk()) status = initLocks(view);
  if (!status.isOk()) return status;
  writeControlHeader(mapping, storeId, inode);
  put(view.control, layout::CONTROL_RESERVED_GRANULES, Geometry::toGranules(reservedBytes));
  return Status::ok();
}

Status incompleteStore(const std::string& name) {
  return Status::fail("STORE_INCOMPLETE", "store \"" + name + "\" lacks some of its files in /dev/shm: somebody deleted them.");
}

Status removeFiles(const StorePaths& paths) {
  for (const std::string* path : {&paths.main, &paths.backup, &paths.control}) {
    if (unlink(path->c_str()) != 0 && errno != ENOENT) return systemFailure("removing " + *path, errno);
  }
  return Status::ok();
}

Status CreateLock::take(const StorePaths& paths) {
  const double deadline = monotonicMs() + CREATE_LOCK_TIMEOUT_MS;
  timespec pause = {0, POLL_MIN_NS};
  while (true) {
    FileDescriptor file;
    Status status = openOwnFile(paths.lock, O_RDWR | O_CREAT, file);
    if (!status.isOk()) return status;
    if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
      struct stat locked, named;
      if (fstat(file.get(), &locked) != 0) return systemFailure("examining " + paths.lock, errno);
      if (stat(paths.lock.c_str(), &named) == 0 && named.st_ino == locked.st_ino && named.st_dev == locked.st_dev) {
        file_ = std::move(file);
        return Status::ok();
      }
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
      return systemFailure("locking " + paths.lock, errno);
    } else {
      // Sleeping between tries instead of blocking in flock bounds the wait without a signal or a thread.
      nanosleep(&pause, nullptr);
      pause.tv_nsec = std::min(2 * pause.tv_nsec, POLL_MAX_NS);
    }
    if (monotonicMs() > deadline)
      return Status::fail("CREATE_LOCK_TIMEOUT", "another process has held " + paths.lock + " for 10 seconds.");
  }
}

void CreateLock::unlinkFile(const StorePaths& paths) { (void)unlink(paths.lock.c_str()); }

Status openSegments(const OpenRequest& request, OpenedStore& result) {
  Status status = checkRequest(request);
  if (!status.isOk()) return status;
  const StorePaths paths = pathsOf(request.directory, request.name);
  status = result.lock.take(paths);
  return status.isOk() ? openUnderLock(paths, request, result) : status;
}

}  // namespace mofo
