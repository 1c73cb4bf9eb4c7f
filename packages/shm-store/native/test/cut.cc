#include "cut.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "../stores.h"

namespace mofo::cut {

namespace {

constexpr int SITE_COUNT_MAX = 256;

struct Site {
  char file[32];
  int line;
};

struct Sites {
  int lock;
  int count;
  Site sites[SITE_COUNT_MAX];
};

Sites* shared = nullptr;
// Watcher threads of the core store too; only the thread that armed the cut is ended.
thread_local uint64_t stores = 0;
thread_local uint64_t limit = 0;
thread_local Ending endBy = Ending::Throw;

void noteSite(const char* path, int line) {
  const char* slash = strrchr(path, '/');
  const char* file = slash == nullptr ? path : slash + 1;
  while (__atomic_exchange_n(&shared->lock, 1, __ATOMIC_ACQUIRE) != 0) {
  }
  bool known = false;
  for (int i = 0; i < shared->count; i++) known = known || (shared->sites[i].line == line && strcmp(shared->sites[i].file, file) == 0);
  if (!known && shared->count < SITE_COUNT_MAX) {
    Site& site = shared->sites[shared->count++];
    snprintf(site.file, sizeof site.file, "%s", file);
    site.line = line;
  }
  __atomic_store_n(&shared->lock, 0, __ATOMIC_RELEASE);
}

}  // namespace

void start() {
  void* memory = mmap(nullptr, sizeof(Sites), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();
  shared = static_cast<Sites*>(memory);
}

void arm(uint64_t count, Ending ending) {
  stores = 0;
  limit = count;
  endBy = ending;
}

uint64_t storeCount() { return stores; }

void stored(const void*, uint64_t, const char* file, int line) {
  if (++stores != limit) return;
  noteSite(file, line);
  if (endBy == Ending::Throw) throw Cut();
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

void printSites() {
  for (int i = 0; i < shared->count; i++) std::printf("cut %s:%d\n", shared->sites[i].file, shared->sites[i].line);
}

}  // namespace mofo::cut
