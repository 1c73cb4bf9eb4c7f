/* Preloaded into a child: kills the process at the k-th system call (CUT_AT) after it first opened a file of a store, so that a restore is
 * stopped between any two of its steps, without a hook in the addon. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int begun, calls;

static void step(void) {
  if (!begun) return;
  const char *at = getenv("CUT_AT");
  if (at != NULL && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(at)) kill(getpid(), SIGKILL);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

#define OPEN(name)                                                      \
  int name(const char *path, int flags, ...) {                          \
    va_list arguments;                                                  \
    va_start(arguments, flags);                                         \
    mode_t mode = va_arg(arguments, mode_t);                            \
    va_end(arguments);                                                  \
    if (strncmp(path, "/dev/shm", 8) == 0) begun = 1, step();           \
    return REAL(int, #name, const char *, int, mode_t)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

int ftruncate64(int fd, off64_t size) { step(); return REAL(int, "ftruncate64", int, off64_t)(fd, size); }
ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) { step(); return REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, bytes, count, at); }
int posix_fallocate64(int fd, off64_t at, off64_t count) { step(); return REAL(int, "posix_fallocate64", int, off64_t, off64_t)(fd, at, count); }
int flock(int fd, int operation) { step(); return REAL(int, "flock", int, int)(fd, operation); }
int unlink(const char *path) { step(); return REAL(int, "unlink", const char *)(path); }
int linkat(int from, const char *source, int to, const char *target, int flags) { step(); return REAL(int, "linkat", int, const char *, int, const char *, int)(from, source, to, target, flags); }
