#include "memory-limit.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include "file-descriptor.h"

namespace mofo {

namespace {

constexpr uint64_t MARGIN_MAX_BYTES = 64ull << 20;
constexpr uint64_t MARGIN_DIVISOR = 20;
/** v1 writes "no limit" as the largest multiple of a page. */
constexpr uint64_t UNLIMITED_FROM_BYTES = 1ull << 60;

/** Up to 64 KiB of a kernel file; false when it cannot be read. */
bool readText(const std::string& path, std::string& text) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  char buffer[65536];
  size_t done = 0;
  while (done < sizeof buffer) {
    const ssize_t count = read(file.get(), buffer + done, sizeof buffer - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    done += size_t(count);
  }
  text.assign(buffer, done);
  return true;
}

/** A file that holds one number; false for "max" and for what is no number. */
bool readNumber(const std::string& path, uint64_t& value) {
  std::string text;
  if (!readText(path, text) || text.empty() || text[0] < '0' || text[0] > '9') return false;
  value = strtoull(text.c_str(), nullptr, 10);
  return true;
}

/** The number after `key` at the beginning of a line; 0 when there is none. */
uint64_t numberAfter(const std::string& text, const std::string& key) {
  size_t line = 0;
  while (line < text.size()) {
    if (text.compare(line, key.size(), key) == 0) return strtoull(text.c_str() + line + key.size(), nullptr, 10);
    const size_t end = text.find('\n', line);
    if (end == std::string::npos) break;
    line = end + 1;
  }
  return 0;
}

uint64_t withoutMargin(uint64_t left, uint64_t limit) {
  const uint64_t margin = std::min(MARGIN_MAX_BYTES, limit / MARGIN_DIVISOR);
  return left > margin ? left - margin : 0;
}

struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* inactive;
  const char* active;
};

constexpr GroupFiles VERSION_2 = {"/memory.max", "/memory.current", "inactive_file ", "active_file "};
constexpr GroupFiles VERSION_1 = {"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file ", "total_active_file "};

uint64_t leftInGroup(const std::string& folder, const GroupFiles& files) {
  uint64_t limit = 0, usage = 0;
  if (!readNumber(folder + files.limit, limit) || limit >= UNLIMITED_FROM_BYTES) return UINT64_MAX;
  if (!readNumber(folder + files.usage, usage)) return UINT64_MAX;
  std::string stat;
  if (readText(folder + "/memory.stat", stat)) {
    // File pages are dropped before anybody is killed; of the active ones only half are counted on, as in MemAvailable.
    const uint64_t reclaimable = numberAfter(stat, files.inactive) + numberAfter(stat, files.active) / 2;
    usage -= std::min(usage, reclaimable);
  }
  return withoutMargin(limit > usage ? limit - usage : 0, limit);
}

/** The least that is left in the group at `path` and in every group above it. Groups outside this mount are not there: skipped. */
uint64_t leftInHierarchy(const std::string& root, std::string path, const GroupFiles& files) {
  uint64_t least = UINT64_MAX;
  while (true) {
    if (path == "/") path.clear();
    least = std::min(least, leftInGroup(root + path, files));
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return least;
    path.resize(slash);
  }
}

bool namesMemory(const std::string& controllers) {
  size_t at = 0;
  while (at <= controllers.size()) {
    const size_t end = std::min(controllers.find(',', at), controllers.size());
    if (controllers.compare(at, end - at, "memory") == 0) return true;
    at = end + 1;
  }
  return false;
}

/** Lines of /proc/self/cgroup are `id:controllers:path`; v2 has no controllers. */
uint64_t leftInGroups(const MemoryRoots& roots) {
  std::string text;
  if (!readText(roots.proc + "/self/cgroup", text)) return UINT64_MAX;
  uint64_t least = UINT64_MAX;
  size_t line = 0;
  while (line < text.size()) {
    const size_t end = std::min(text.find('\n', line), text.size());
    const std::string entry = text.substr(line, end - line);
    line = end + 1;
    const size_t first = entry.find(':');
    const size_t second = first == std::string::npos ? first : entry.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = entry.substr(first + 1, second - first - 1), path = entry.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, leftInHierarchy(roots.cgroup, path, VERSION_2));
      least = std::min(least, leftInHierarchy(roots.cgroup + "/unified", path, VERSION_2));
    } else if (namesMemory(controllers)) {
      least = std::min(least, leftInHierarchy(roots.cgroup + "/memory", path, VERSION_1));
    }
  }
  return least;
}

uint64_t leftInMachine(const MemoryRoots& roots) {
  std::string text;
  if (!readText(roots.proc + "/meminfo", text)) return UINT64_MAX;
  const uint64_t total = numberAfter(text, "MemTotal:") * 1024;
  if (total == 0) return UINT64_MAX;
  return withoutMargin(numberAfter(text, "MemAvailable:") * 1024, total);
}

}  // namespace

uint64_t availableMemoryBytes(const MemoryRoots& roots) { return std::min(leftInMachine(roots), leftInGroups(roots)); }

Status requireMemory(uint64_t bytes, const MemoryRoots& roots) {
  const uint64_t available = availableMemoryBytes(roots);
  if (bytes <= available) return Status::ok();
  return Status::fail("OUT_OF_MEMORY", std::to_string(bytes) + " bytes of memory are wanted and " + std::to_string(available) +
                                           " may be taken before the machine or its cgroup is out of memory.");
}

}  // namespace mofo
