#include "process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mofo {

namespace {

// The numbers are the same on every architecture.
constexpr long PIDFD_SEND_SIGNAL = 424;
constexpr long PIDFD_OPEN = 434;
/** Fields of stat after the command's closing bracket: state is the 3rd of the line, start time the 22nd. */
constexpr int STATE_FIELD = 3;
constexpr int START_TIME_FIELD = 22;

}  // namespace

int64_t threadStartTime(uint32_t pid, uint32_t tid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid == 0 ? pid : tid);
  FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return errno == ENOENT || errno == ESRCH ? NOT_ALIVE : NOT_TOLD;
  char text[1024];
  ssize_t count;
  do count = read(file.get(), text, sizeof text - 1);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return count < 0 && errno != ESRCH ? NOT_TOLD : NOT_ALIVE;
  text[count] = 0;
  // The command is in brackets and may itself hold brackets and blanks.
  const char* at = strrchr(text, ')');
  if (at == nullptr) return NOT_TOLD;
  for (int field = STATE_FIELD; field <= START_TIME_FIELD; field++) {
    at = strchr(at, ' ');
    if (at == nullptr) return NOT_TOLD;
    at++;
    if (field == STATE_FIELD && (*at == 'Z' || *at == 'X' || *at == 'x')) return NOT_ALIVE;
  }
  return int64_t(strtoull(at, nullptr, 10));
}

uint32_t currentThreadId() { return uint32_t(syscall(SYS_gettid)); }

Status openProcess(uint32_t pid, int64_t startTime, FileDescriptor& pidfd) {
  FileDescriptor opened(int(syscall(PIDFD_OPEN, pid, 0)));
  if (!opened) {
    if (errno == ESRCH) return Status::ok();
    if (errno == ENOSYS) return Status::fail("UNSUPPORTED_KERNEL", "this kernel has no pidfd_open.", errno);
    return Status::fail("SYSTEM_ERROR", "opening process " + std::to_string(pid) + " failed: " + strerror(errno) + ".", errno);
  }
  // The descriptor was taken first: if the start time agrees now, it is that process's descriptor.
  if (threadStartTime(pid, 0) == startTime) pidfd = std::move(opened);
  return Status::ok();
}

Status signalProcess(uint32_t pid, int64_t startTime, int signal, bool& sent) {
  sent = false;
  FileDescriptor pidfd;
  Status status = openProcess(pid, startTime, pidfd);
  if (!status.isOk() || !pidfd) return status;
  if (syscall(PIDFD_SEND_SIGNAL, pidfd.get(), signal, nullptr, 0) == 0) {
    sent = true;
    return Status::ok();
  }
  if (errno == ESRCH) return Status::ok();
  const char* code = errno == EPERM ? "PERMISSION" : errno == EINVAL ? "INVALID_ARGUMENT" : "SYSTEM_ERROR";
  return Status::fail(code, "sending signal " + std::to_string(signal) + " to process " + std::to_string(pid) + " failed: " + strerror(errno) + ".",
                      errno);
}

Status limitCoreDump() {
  rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return Status::fail("SYSTEM_ERROR", "reading the limit on core dumps failed.", errno);
  if (limit.rlim_max == 0) return Status::ok();
  limit.rlim_cur = 1;
  if (setrlimit(RLIMIT_CORE, &limit) != 0) return Status::fail("SYSTEM_ERROR", "setting the limit on core dumps failed.", errno);
  return Status::ok();
}

}  // namespace mofo
