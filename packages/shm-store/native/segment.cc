#include "segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>
#include "huge-pages.h"
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

namespace mofo {

namespace {

constexpr size_t NAME_LENGTH_MAX = 64;

bool isAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

uint32_t fnv1a(const std::string& text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ uint8_t(c)) * 16777619u;
  return hash;
}

/** Reads one page-sized header, zero-filled where the file is shorter. */
Status readHeader(const FileDescriptor& file, const std::string& path, uint8_t (&page)[layout::PAGE_BYTES]) {
  memset(page, 0, sizeof page);
  size_t done = 0;
  while (done < sizeof page) {
    const ssize_t count = pread(file.get(), page + done, sizeof page - done, off_t(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return systemFailure("reading " + path, errno);
    if (count == 0) break;
    done += size_t(count);
  }
  return Status::ok();
}

template <typename T>
T valueAt(const uint8_t* page, uint64_t offset) {
  T value;
  memcpy(&value, page + offset, sizeof value);
  return value;
}

bool isZero(const uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != 0) return false;
  return true;
}

Status checkFormat(const char* what, const std::string& name, uint32_t format, uint32_t hash) {
  if (format == __builtin_bswap32(uint32_t(layout::FORMAT_VERSION)))
    return Status::fail("WRONG_BYTE_ORDER", "store \"" + name + "\" was written in the other byte order (" + what + ").");
  if (format != layout::FORMAT_VERSION)
    return Status::fail("FORMAT_UNKNOWN", "store \"" + name + "\" has format " + std::to_string(format) + " (" + what + "), this is " +
                                              std::to_string(layout::FORMAT_VERSION) + ".");
  if (hash != layout::LAYOUT_HASH)
    return Status::fail("LAYOUT_MISMATCH", "store \"" + name + "\" has another layout of its bytes (" + what + ": hash " +
                                               std::to_string(hash) + ", this is " + std::to_string(layout::LAYOUT_HASH) + ").");
  return Status::ok();
}

Status damaged(const std::string& name, const std::string& what) {
  return Status::fail("STORE_DAMAGED", "store \"" + name + "\": " + what + ".");
}

Status checkFileSize(const FileDescriptor& file, uint64_t expected, const char* what, const std::string& name) {
  struct stat info;
  if (fstat(file.get(), &info) != 0) return systemFailure(std::string("examining ") + what, errno);
  if (uint64_t(info.st_size) == expected) return Status::ok();
  return damaged(name, std::string("its ") + what + " segment has " + std::to_string(info.st_size) + " bytes instead of " +
                           std::to_string(expected));
}

/** Control's geometry words must say what follows from the size. */
bool geometryAgrees(const uint8_t* control, const Geometry& geometry) {
  return valueAt<uint32_t>(control, layout::CONTROL_SLOT_COUNT) == layout::SLOT_COUNT &&
         valueAt<double>(control, layout::CONTROL_JOURNAL_OFFSET) == double(geometry.journalOffset()) &&
         valueAt<double>(control, layout::CONTROL_JOURNAL_BYTES) == double(geometry.journalBytes()) &&
         valueAt<double>(control, layout::CONTROL_UNDO_BYTES) == double(geometry.undoBytes()) &&
         valueAt<double>(control, layout::CONTROL_PAGE_STATES) == double(geometry.pageStates()) &&
         valueAt<double>(control, layout::CONTROL_PAGE_COUNT) == double(geometry.pageCount()) &&
         Geometry::toBytes(valueAt<uint32_t>(control, layout::CONTROL_RESERVED_GRANULES)) <= geometry.sizeBytes &&
         Geometry::toBytes(valueAt<uint32_t>(control, layout::CONTROL_RESERVED_GRANULES)) >= geometry.heapStart();
}

Status readSize(const uint8_t* page, uint64_t offset, const std::string& name, uint64_t& sizeBytes) {
  const double size = valueAt<double>(page, offset);
  if (!(size >= double(layout::STORE_SIZE_MIN_BYTES) && size <= double(layout::STORE_SIZE_MAX_BYTES)) ||
      double(uint64_t(size)) != size || !Geometry::isValidSize(uint64_t(size)))
    return damaged(name, "its recorded size is impossible");
  sizeBytes = uint64_t(size);
  return Status::ok();
}

Status checkControl(const uint8_t* control, const std::string& name, Examined& result) {
  Status status = checkFormat("control", name, valueAt<uint32_t>(control, layout::CONTROL_FORMAT),
                              valueAt<uint32_t>(control, layout::CONTROL_LAYOUT_HASH));
  if (!status.isOk()) return status;
  result.isControlKnown = true;
  if (valueAt<uint32_t>(control, layout::CONTROL_LIBC_HASH) != libcHash())
    return Status::fail("LIBC_MISMATCH", "store \"" + name + "\" was made with another C library or version.");
  double inode = 0;
  status = pidNamespace(inode);
  if (!status.isOk()) return status;
  if (valueAt<double>(control, layout::CONTROL_PID_NAMESPACE) != inode)
    return Status::fail("PID_NAMESPACE", "store \"" + name + "\" was made in another pid namespace.");
  status = readSize(control, layout::CONTROL_SIZE, name, result.sizeBytes);
  if (!status.isOk()) return status;
  if (!geometryAgrees(control, Geometry(result.sizeBytes))) return damaged(name, "its control segment contradicts its size");
  return Status::ok();
}

/** True if a superblock lists a native region (see region.h). */
bool hasRegions(const uint8_t* main) {
  for (uint64_t index = 0; index < layout::REGION_COUNT_MAX; index++)
    if (valueAt<uint32_t>(main, layout::MAIN_REGIONS + index * layout::GRANULE_BYTES) != 0) return true;
  return false;
}

Status checkMain(const uint8_t* main, const uint8_t* control, const std::string& name, Examined& result) {
  if (memcmp(main + layout::MAIN_MAGIC, "MOFOMAIN", 8) != 0)
    return Status::fail("FORMAT_UNKNOWN", "store \"" + name + "\": the main segment is not one of ours.");
  if (valueAt<uint32_t>(main, layout::MAIN_BYTE_ORDER) == __builtin_bswap32(uint32_t(layout::BYTE_ORDER_MARK)))
    return Status::fail("WRONG_BYTE_ORDER", "store \"" + name + "\" was written in the other byte order (main).");
  Status status = checkFormat("main", name, valueAt<uint32_t>(main, layout::MAIN_FORMAT), valueAt<uint32_t>(main, layout::MAIN_LAYOUT_HASH));
  if (!status.isOk()) return status;
  if (valueAt<uint32_t>(main, layout::MAIN_BYTE_ORDER) != layout::BYTE_ORDER_MARK) return damaged(name, "its byte order mark is wrong");
  uint64_t sizeBytes = 0;
  status = readSize(main, layout::MAIN_SIZE, name, sizeBytes);
  if (!status.isOk()) return status;
  if (sizeBytes != result.sizeBytes || memcmp(main + layout::MAIN_STORE_ID, control + layout::CONTROL_STORE_ID, 16) != 0)
    return damaged(name, "main and control segment are not of one store");
  result.baseAddress = valueAt<uint64_t>(main, layout::MAIN_BASE_ADDRESS);
  result.hasRegions = hasRegions(main);
  return Status::ok();
}

Status addressTaken(int error) { return Status::fail("ADDRESS_TAKEN", "the store's base address is taken in this process.", error); }

std::mutex& mappingsLock() {
  static std::mutex lock;
  return lock;
}

/** Those that live, and some that have gone. Never destroyed: worker threads may end after the process's static objects. */
std::vector<std::weak_ptr<StoreMapping>>& mappingsOfProcess() {
  static auto* mappings = new std::vector<std::weak_ptr<StoreMapping>>();
  return *mappings;
}

bool isSameFile(const FileDescriptor& one, const FileDescriptor& other) {
  struct stat a, b;
  return fstat(one.get(), &a) == 0 && fstat(other.get(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool isSameStore(const StoreFiles& one, const StoreFiles& other) {
  return isSameFile(one.main, other.main) && isSameFile(one.backup, other.backup) && isSameFile(one.control, other.control);
}

/** Maps a file anywhere, at a multiple of a huge page. */
void* mapAligned(const FileDescriptor& file, uint64_t bytes) {
  const uint64_t spaceBytes = bytes + HUGE_PAGE_BYTES;
  void* space = mmap(nullptr, spaceBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) return MAP_FAILED;
  const uint64_t start = reinterpret_cast<uintptr_t>(space);
  const uint64_t aligned = roundUp(start, HUGE_PAGE_BYTES);
  void* mapped = mmap(reinterpret_cast<void*>(aligned), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, file.get(), 0);
  const int error = errno;
  if (mapped == MAP_FAILED) {
    munmap(space, spaceBytes);
    errno = error;
    return MAP_FAILED;
  }
  const uint64_t end = roundUp(aligned + bytes, layout::PAGE_BYTES);
  if (aligned > start) munmap(space, aligned - start);
  if (start + spaceBytes > end) munmap(reinterpret_cast<void*>(end), start + spaceBytes - end);
  return mapped;
}

Status mapOne(const FileDescriptor& file, uint64_t bytes, uint64_t hint, bool exact, uint8_t*& address) {
  void* mapped = MAP_FAILED;
  if (hint != 0) {
    mapped = mmap(reinterpret_cast<void*>(hint), bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                  file.get(), 0);
    // Kernels before 4.17 take the address for a mere hint.
    if (mapped != MAP_FAILED && exact && mapped != reinterpret_cast<void*>(hint)) {
      munmap(mapped, bytes);
      mapped = MAP_FAILED;
    }
    if (mapped == MAP_FAILED && exact) return addressTaken(errno);
  }
  if (mapped == MAP_FAILED) mapped = mapAligned(file, bytes);
  if (mapped == MAP_FAILED)
    return Status::fail("MAP_FAILED", "mapping " + std::to_string(bytes) + " bytes failed: " + strerror(errno) + ".", errno);
  // Left in core dumps the segments would delay a takeover by seconds (R22). Old kernels may refuse; then the dump is only larger.
  (void)madvise(mapped, bytes, MADV_DONTDUMP);
  address = static_cast<uint8_t*>(mapped);
  return Status::ok();
}

}  // namespace

Status checkName(const std::string& name) {
  bool valid = !name.empty() && name.size() <= NAME_LENGTH_MAX && isAlphanumeric(name[0]);
  for (const char c : name) valid = valid && (isAlphanumeric(c) || c == '_' || c == '-');
  if (valid) return Status::ok();
  return Status::fail("INVALID_NAME", "\"" + name.substr(0, 2 * NAME_LENGTH_MAX) + "\" is not a store name.");
}

StorePaths pathsOf(const std::string& directory, const std::string& name) {
  const std::string base = directory + "/mofo." + name;
  return {base + ".main", base + ".backup", base + ".control", base + ".lock"};
}

Status systemFailure(const std::string& doing, int error) {
  const char* code = "SYSTEM_ERROR";
  if (error == ENOSPC || error == EDQUOT) code = "SHM_FULL";
  if (error == EROFS) code = "SHM_READ_ONLY";
  if (error == EACCES || error == EPERM) code = "PERMISSION";
  if (error == ENOENT || error == ENOTDIR) code = "SHM_UNAVAILABLE";
  return Status::fail(code, doing + " failed: " + strerror(error) + ".", error);
}

Status openOwnFile(const std::string& path, int flags, FileDescriptor& file) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT && (flags & O_CREAT) == 0) return Status::ok();
    struct stat info;
    if (lstat(path.c_str(), &info) == 0 && info.st_uid != geteuid())
      return Status::fail("NOT_OWNER", path + " belongs to user " + std::to_string(info.st_uid) + ".", error);
    if (error == ELOOP) return Status::fail("FORMAT_UNKNOWN", path + " is a symbolic link.", error);
    return systemFailure("opening " + path, error);
  }
  FileDescriptor opened(fd);
  struct stat info;
  if (fstat(fd, &info) != 0) return systemFailure("examining " + path, errno);
  if (!S_ISREG(info.st_mode)) return Status::fail("FORMAT_UNKNOWN", path + " is not a regular file.");
  if (info.st_uid != geteuid()) return Status::fail("NOT_OWNER", path + " belongs to user " + std::to_string(info.st_uid) + ".");
  if ((info.st_mode & 077) != 0) return Status::fail("UNSAFE_MODE", path + " may be opened by other users.");
  file = std::move(opened);
  return Status::ok();
}

Status examine(const StorePaths& paths, const std::string& name, Examined& result) {
  StoreFiles& files = result.files;
  Status status = openOwnFile(paths.control, O_RDWR, files.control);
  if (status.isOk()) status = openOwnFile(paths.main, O_RDWR, files.main);
  if (status.isOk()) status = openOwnFile(paths.backup, O_RDWR, files.backup);
  if (!status.isOk()) return status;
  if (!files.control) {
    // We make control first and remove it last: what is left without it was not left by us.
    result.state = files.main || files.backup ? StoreState::broken : StoreState::absent;
    return Status::ok();
  }
  uint8_t control[layout::PAGE_BYTES];
  status = readHeader(files.control, paths.control, control);
  if (!status.isOk()) return status;
  if (memcmp(control + layout::CONTROL_MAGIC, "MOFOCTRL", 8) != 0) {
    if (!isZero(control, sizeof control))
      return Status::fail("FORMAT_UNKNOWN", "store \"" + name + "\": the control segment is not one of ours.");
    result.state = StoreState::incomplete;
    return Status::ok();
  }
  if (valueAt<uint32_t>(control, layout::CONTROL_READY) == 0) {
    result.state = StoreState::incomplete;
    return Status::ok();
  }
  if (valueAt<uint32_t>(control, layout::CONTROL_RETIRED) != 0) {
    result.state = StoreState::retired;
    return Status::ok();
  }
  status = checkControl(control, name, result);
  if (!status.isOk()) return status;
  if (!files.main || !files.backup) {
    result.state = StoreState::broken;
    return Status::ok();
  }
  uint8_t main[layout::PAGE_BYTES];
  status = readHeader(files.main, paths.main, main);
  if (!status.isOk()) return status;
  status = checkMain(main, control, name, result);
  if (!status.isOk()) return status;
  const Geometry geometry(result.sizeBytes);
  status = checkFileSize(files.main, geometry.sizeBytes, "main", name);
  if (status.isOk()) status = checkFileSize(files.backup, geometry.sizeBytes, "backup", name);
  if (status.isOk()) status = checkFileSize(files.control, geometry.controlBytes(), "control", name);
  if (status.isOk()) result.state = StoreState::ready;
  return status;
}

Status pidNamespace(double& inode) {
  struct stat info;
  if (stat("/proc/self/ns/pid", &info) != 0) return Status::fail("SYSTEM_ERROR", "/proc is not mounted: it says who is alive.", errno);
  inode = double(info.st_ino);
  return Status::ok();
}

uint32_t libcHash() {
#if defined(__GLIBC__)
  return fnv1a(std::string("glibc ") + gnu_get_libc_version());
#else
  return fnv1a("musl");
#endif
}

uint64_t preferredAddress(const std::string& name) {
#if UINTPTR_MAX > 0xffffffffu
  constexpr uint64_t FIRST = 0x100000000000ull, STEP = 0x1000000000ull, COUNT = 1024;
  return FIRST + fnv1a(name) % COUNT * STEP;
#else
  return 0;
#endif
}

Status StoreMapping::map(StoreFiles files, uint64_t sizeBytes, const MapRequest& request, std::shared_ptr<StoreMapping>& result) {
  const std::lock_guard<std::mutex> lock(mappingsLock());
  std::vector<std::weak_ptr<StoreMapping>>& mappings = mappingsOfProcess();
  mappings.erase(std::remove_if(mappings.begin(), mappings.end(), [](const auto& known) { return known.expired(); }), mappings.end());
  for (const std::weak_ptr<StoreMapping>& known : mappings) {
    const std::shared_ptr<StoreMapping> mapping = known.lock();
    if (!request.shared || mapping == nullptr || !isSameStore(mapping->files_, files)) continue;
    if (request.exactAddress && uint64_t(reinterpret_cast<uintptr_t>(mapping->main_)) != request.baseAddress) return addressTaken(0);
    result = mapping;
    return Status::ok();
  }
  std::shared_ptr<StoreMapping> mapping(new StoreMapping(std::move(files), sizeBytes));
  Status status = mapOne(mapping->files_.main, sizeBytes, request.baseAddress, request.exactAddress, mapping->main_);
  if (status.isOk()) status = mapOne(mapping->files_.backup, sizeBytes, 0, false, mapping->backup_);
  if (status.isOk()) status = mapOne(mapping->files_.control, mapping->geometry_.controlBytes(), 0, false, mapping->control_);
  if (!status.isOk()) return status;
  if (request.shared) mappings.push_back(mapping);
  result = std::move(mapping);
  return Status::ok();
}

StoreMapping::~StoreMapping() {
  if (main_ != nullptr) munmap(main_, geometry_.sizeBytes);
  if (backup_ != nullptr) munmap(backup_, geometry_.sizeBytes);
  if (control_ != nullptr) munmap(control_, geometry_.controlBytes());
}

StoreView StoreMapping::view() const {
  StoreView view;
  view.main = main_;
  view.backup = backup_;
  view.control = control_;
  view.sizeBytes = geometry_.sizeBytes;
  return view;
}

}  // namespace mofo
