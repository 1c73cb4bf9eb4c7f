// fork() for the soak of killed processes: a Node.js without threads of its own forks children that run JavaScript and never come back to the event loop, in a millisecond
// instead of the hundred that a start takes. For tests only.
#include <node_api.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>

namespace {

napi_value toNumber(napi_env env, double value) {
  napi_value result;
  if (napi_create_double(env, value, &result) != napi_ok) return nullptr;
  return result;
}

/** V8 keeps its heap out of forked children, which are usually replaced by another program at once. */
void keepHeapInChildren() {
  FILE* maps = fopen("/proc/self/maps", "r");
  if (maps == nullptr) return;
  char line[512];
  while (fgets(line, sizeof line, maps) != nullptr) {
    uintptr_t first = 0, end = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &end) == 2) madvise(reinterpret_cast<void*>(first), end - first, MADV_DOFORK);
  }
  fclose(maps);
}

/** 0 in the child, its pid in the parent. A child dies with its parent. */
napi_value forkProcess(napi_env env, napi_callback_info) {
  keepHeapInChildren();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  return toNumber(env, pid);
}

/** Waits for a child: the signal that ended it, or -1 - its exit code. */
napi_value waitFor(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t pid = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || napi_get_value_int32(env, argument, &pid) != napi_ok)
    return nullptr;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return toNumber(env, -1000 - errno);
  }
  return toNumber(env, WIFSIGNALED(status) ? WTERMSIG(status) : -1 - WEXITSTATUS(status));
}

/** Ends a child at once: the threads that Node's own way out waits for are not there. */
napi_value endProcess(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t code = 1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok) (void)napi_get_value_int32(env, argument, &code);
  _exit(code);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  if (napi_create_function(env, "fork", NAPI_AUTO_LENGTH, forkProcess, nullptr, &function) == napi_ok)
    (void)napi_set_named_property(env, exports, "fork", function);
  if (napi_create_function(env, "waitFor", NAPI_AUTO_LENGTH, waitFor, nullptr, &function) == napi_ok)
    (void)napi_set_named_property(env, exports, "waitFor", function);
  if (napi_create_function(env, "end", NAPI_AUTO_LENGTH, endProcess, nullptr, &function) == napi_ok)
    (void)napi_set_named_property(env, exports, "end", function);
  return exports;
}
