/* Preloaded into a child: kills the process at the k-th system call (CUT_AT) that it makes for a store's files, counted from the first
 * open of one, or of the path that CUT_FROM names. A creator or destroyer is so stopped between any two of its steps, without a hook in the addon. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static int begun, calls;

static void step(void) {
  if (!begun) return;
  const char *at = getenv("CUT_AT");
  if (at != NULL && ++calls == atoi(at)) kill(getpid(), SIGKILL);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int open_any(const char *name, const char *path, int flags, mode_t mode) {
  const char *from = getenv("CUT_FROM");
  if (strstr(path, from == NULL ? "/mofo." : from) != NULL) begun = 1;
  if (strstr(path, "/mofo.") != NULL) step();
  return REAL(int, name, const char *, int, mode_t)(path, flags, mode);
}

#define OPEN(name)                                       \
  int name(const char *path, int flags, ...) {           \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    mode_t mode = va_arg(arguments, mode_t);             \
    va_end(arguments);                                   \
    return open_any(#name, path, flags, mode);           \
  }
OPEN(open)
OPEN(open64)

int ftruncate64(int fd, off64_t size) { step(); return REAL(int, "ftruncate64", int, off64_t)(fd, size); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { step(); return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, count, at); }
int posix_fallocate64(int fd, off64_t at, off64_t count) { step(); return REAL(int, "posix_fallocate64", int, off64_t, off64_t)(fd, at, count); }
int fallocate64(int fd, int mode, off64_t at, off64_t count) { step(); return REAL(int, "fallocate64", int, int, off64_t, off64_t)(fd, mode, at, count); }
int flock(int fd, int operation) { step(); return REAL(int, "flock", int, int)(fd, operation); }
int unlink(const char *path) { step(); return REAL(int, "unlink", const char *)(path); }
int madvise(void *address, size_t count, int advice) { step(); return REAL(int, "madvise", void *, size_t, int)(address, count, advice); }
int clock_gettime(clockid_t clock, struct timespec *now) { if (clock == CLOCK_REALTIME) step(); return REAL(int, "clock_gettime", clockid_t, struct timespec *)(clock, now); }
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) { step(); return REAL(int, "pthread_mutex_init", pthread_mutex_t *, const pthread_mutexattr_t *)(mutex, attributes); }
