#include "restore.h"

#include <fcntl.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "create.h"
#include "destroy.h"
#include "image.h"
#include "reserve.h"

namespace mofo {

namespace {

template <typename T>
T valueAt(const uint8_t* page, uint64_t offset) {
  T value;
  std::memcpy(&value, page + offset, sizeof value);
  return value;
}

Status corrupt(const std::string& what) { return Status::fail("IMAGE_CORRUPT", "the image cannot be restored: " + what + "."); }

Status checkRequest(const RestoreRequest& request) {
  Status status = checkName(request.name);
  if (!status.isOk()) return status;
  if (!Geometry::isValidSize(request.sizeBytes)) return corrupt("its size is impossible");
  const Geometry geometry(request.sizeBytes);
  if (request.reservedBytes <= geometry.heapStart() || request.reservedBytes > request.sizeBytes ||
      request.reservedBytes % layout::SLAB_BYTES != 0)
    return corrupt("the bound of its refs is impossible");
  if (request.chunkBytes == 0 || request.chunkBytes % layout::PAGE_BYTES != 0 ||
      request.checksums.size() != (request.reservedBytes + request.chunkBytes - 1) / request.chunkBytes)
    return corrupt("its chunks do not add up");
  return Status::ok();
}

/** A file in the store's directory that has no name yet and goes with its last descriptor. */
Status makeNameless(const std::string& directory, uint64_t bytes, FileDescriptor& file) {
  FileDescriptor made(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!made) return systemFailure("making a file in " + directory, errno);
  if (ftruncate(made.get(), off_t(bytes)) != 0) return systemFailure("sizing a file in " + directory, errno);
  file = std::move(made);
  return Status::ok();
}

Status giveName(const FileDescriptor& file, const std::string& path) {
  const std::string source = "/proc/self/fd/" + std::to_string(file.get());
  if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return Status::ok();
  return systemFailure("naming " + path, errno);
}

/** Fills main and backup, which have memory below `reserved` only at slab table and heap; bytes of the image in between are summed, not stored. */
Status load(const RestoreRequest& request, const StoreMapping& mapping) {
  const Geometry& geometry = mapping.geometry();
  const StoreView view = mapping.view();
  const uint64_t tableEnd =
      std::min(geometry.heapStart(), roundUp(geometry.tableEnd(request.reservedBytes / layout::SLAB_BYTES), layout::PAGE_BYTES));
  for (size_t chunk = 0; chunk < request.checksums.size(); chunk++) {
    const uint64_t first = chunk * request.chunkBytes;
    const uint64_t count = std::min(request.chunkBytes, request.reservedBytes - first);
    const auto store = [&](uint64_t at, const uint8_t* bytes, uint64_t length) {
      const uint64_t from = first + at, to = from + length;
      const auto part = [&](uint64_t begin, uint64_t end) {
        begin = std::max(begin, from);
        end = std::min(end, to);
        if (begin >= end) return;
        std::memcpy(view.main + begin, bytes + (begin - from), end - begin);
        std::memcpy(view.backup + begin, bytes + (begin - from), end - begin);
      };
      part(0, tableEnd);
      part(geometry.heapStart(), request.reservedBytes);
    };
    uint32_t crc = 0;
    Status status = readImageRange(request.image, request.dataOffset + first, count, store, crc);
    if (!status.isOk()) return status;
    if (crc != request.checksums[chunk]) return corrupt("the checksum of chunk " + std::to_string(chunk) + " is wrong");
  }
  return Status::ok();
}

Status checkLoadedMain(const uint8_t* main, uint64_t sizeBytes) {
  const double lastId = valueAt<double>(main, layout::MAIN_LAST_TRANSACTION_ID);
  if (std::memcmp(main + layout::MAIN_MAGIC, "MOFOMAIN", 8) != 0 || valueAt<uint32_t>(main, layout::MAIN_FORMAT) != layout::FORMAT_VERSION ||
      valueAt<uint32_t>(main, layout::MAIN_BYTE_ORDER) != layout::BYTE_ORDER_MARK ||
      valueAt<uint32_t>(main, layout::MAIN_LAYOUT_HASH) != layout::LAYOUT_HASH || valueAt<double>(main, layout::MAIN_SIZE) != double(sizeBytes))
    return corrupt("its superblock is not one of this format, layout and size");
  if (!(lastId >= 0 && lastId < 9007199254740992.0) || double(uint64_t(lastId)) != lastId)
    return corrupt("the last transaction id in its superblock is impossible");
  return Status::ok();
}

/** Makes and fills the segments without names. */
Status build(const RestoreRequest& request, uint32_t timeline, std::shared_ptr<StoreMapping>& result) {
  const Geometry geometry(request.sizeBytes);
  StoreFiles files;
  Status status = makeNameless(request.directory, geometry.controlBytes(), files.control);
  if (status.isOk()) status = makeNameless(request.directory, geometry.sizeBytes, files.main);
  if (status.isOk()) status = makeNameless(request.directory, geometry.sizeBytes, files.backup);
  if (status.isOk()) status = requireMemory(geometry.pageStates());
  if (status.isOk()) status = allocateRange(files.control, 0, geometry.pageStates());
  std::shared_ptr<StoreMapping> mapping;
  if (status.isOk()) status = StoreMapping::map(std::move(files), request.sizeBytes, MapRequest{0, false, false}, mapping);
  if (status.isOk()) status = backMain(*mapping, 0, request.reservedBytes, true);
  if (status.isOk()) status = load(request, *mapping);
  if (!status.isOk()) return status;
  const StoreView view = mapping->view();
  status = checkLoadedMain(view.main, request.sizeBytes);
  if (!status.isOk()) return status;
  // Page states are all zero, "equal to backup": so both get the new timeline.
  std::memcpy(view.main + layout::MAIN_TIMELINE, &timeline, sizeof timeline);
  std::memcpy(view.backup + layout::MAIN_TIMELINE, &timeline, sizeof timeline);
  uint8_t storeId[16];
  std::memcpy(storeId, view.main + layout::MAIN_STORE_ID, sizeof storeId);
  status = formatControl(*mapping, storeId, request.reservedBytes);
  const double lastId = valueAt<double>(view.main, layout::MAIN_LAST_TRANSACTION_ID);
  std::memcpy(view.control + layout::CONTROL_LAST_TRANSACTION_ID, &lastId, sizeof lastId);
  if (status.isOk()) result = std::move(mapping);
  return status;
}

/** Judges what is there. RETIRED is not set here: first the new store must stand. */
Status checkReplaceable(const RestoreRequest& request, const Status& examined, const Examined& found) {
  if (!examined.isOk()) return request.force && isTouchable(examined) ? Status::ok() : examined;
  if (request.force) return Status::ok();
  if (found.state == StoreState::ready) return Status::fail("STORE_EXISTS", "there is a store \"" + request.name + "\" already.");
  return found.state == StoreState::broken ? incompleteStore(request.name) : Status::ok();
}

/** The timeline after that of the store that is replaced, if that can be told; 0 otherwise. */
uint32_t nextTimeline(const Examined& found) {
  uint32_t timeline = 0;
  const bool isRead = found.state == StoreState::ready && pread(found.files.main.get(), &timeline, sizeof timeline,
                                                                off_t(layout::MAIN_TIMELINE)) == ssize_t(sizeof timeline);
  return isRead && timeline < UINT32_MAX ? timeline + 1 : 0;
}

}  // namespace

Status restoreSegments(const RestoreRequest& request, uint32_t& timeline) {
  Status status = checkRequest(request);
  if (!status.isOk()) return status;
  const StorePaths paths = pathsOf(request.directory, request.name);
  CreateLock lock;
  status = lock.take(paths);
  if (!status.isOk()) return status;
  Examined found;
  const Status examined = examine(paths, request.name, found);
  status = checkReplaceable(request, examined, found);
  if (!status.isOk()) return status;

  timeline = std::max(request.timeline, nextTimeline(found));
  std::shared_ptr<StoreMapping> mapping;
  status = build(request, timeline, mapping);
  const bool isNothingThere = examined.isOk() && found.state == StoreState::absent;
  if (!status.isOk()) {
    if (isNothingThere) lock.unlinkFile(paths);
    return status;
  }

  if (examined.isOk() && found.state == StoreState::ready) status = retireStore(found.files.control, request.name, request.force);
  else if (found.isControlKnown) retireStoreWithoutLocks(found.files.control);
  if (status.isOk()) status = removeFiles(paths);
  if (!status.isOk()) return status;
  status = giveName(mapping->files().control, paths.control);
  if (status.isOk()) status = giveName(mapping->files().main, paths.main);
  if (status.isOk()) status = giveName(mapping->files().backup, paths.backup);
  if (!status.isOk()) {
    if (removeFiles(paths).isOk()) lock.unlinkFile(paths);
    return status;
  }
  __atomic_store_n(mapping->view().controlAt<uint32_t>(layout::CONTROL_READY), 1u, __ATOMIC_RELEASE);
  return Status::ok();
}

}  // namespace mofo
