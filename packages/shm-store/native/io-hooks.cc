#include "io-hooks.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>
#include "answer-meter.h"

namespace mofo {

namespace {

/** Descriptors beyond are not tracked; a process rarely has so many. */
constexpr int TRACKED_FD_MAX = 65536;
constexpr size_t PIECES_MAX = 64;

struct Tracked {
  ConnectionSlot* slot;
  AnswerMeter meter;
};

// This addon's own entries are not changed, so `::read` and the others are the system's here.

/** By descriptor. Other threads look here for files of their own and find null. */
std::atomic<Tracked*> tracked[TRACKED_FD_MAX];

Tracked* find(int fd) { return fd >= 0 && fd < TRACKED_FD_MAX ? tracked[fd].load(std::memory_order_acquire) : nullptr; }

ssize_t hookedRead(int fd, void* target, size_t count) {
  Tracked* connection = find(fd);
  if (__builtin_expect(connection == nullptr, 1)) return ::read(fd, target, count);
  size_t room = count;
  uint8_t* kept = beginRead(*connection->slot, room);
  const ssize_t result = kept == nullptr ? ::read(fd, target, count) : ::read(fd, kept, room);
  if (result <= 0) return result;
  if (kept != nullptr) memcpy(target, kept, size_t(result));
  endRead(*connection->slot, size_t(result));
  return result;
}

ssize_t hookedWrite(int fd, const void* source, size_t count) {
  Tracked* connection = find(fd);
  if (__builtin_expect(connection == nullptr, 1)) return ::write(fd, source, count);
  const Piece piece = {static_cast<const uint8_t*>(source), count};
  connection->meter.show(*connection->slot, &piece, 1);
  const ssize_t result = ::write(fd, source, count);
  if (result > 0) connection->meter.wrote(*connection->slot, size_t(result));
  return result;
}

ssize_t hookedWriteV(int fd, const iovec* parts, int count) {
  Tracked* connection = find(fd);
  if (__builtin_expect(connection == nullptr, 1)) return ::writev(fd, parts, count);
  Piece pieces[PIECES_MAX];
  // As many as can be shown are written; the caller comes back with the rest.
  if (count > int(PIECES_MAX)) count = int(PIECES_MAX);
  for (int i = 0; i < count; i++) pieces[i] = {static_cast<const uint8_t*>(parts[i].iov_base), parts[i].iov_len};
  connection->meter.show(*connection->slot, pieces, count < 0 ? 0 : size_t(count));
  const ssize_t result = ::writev(fd, parts, count);
  if (result > 0) connection->meter.wrote(*connection->slot, size_t(result));
  return result;
}

/** The entries of one library; a function may have several, for its calls go one way or the other. Pointers that it keeps in its data are left alone. */
struct Entries {
  uintptr_t base = 0;
  std::vector<void**> read, write, writeV;
};

bool isEntry(uint32_t type) {
#if defined(__x86_64__)
  return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
  return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
#else
  (void)type;
  return false;
#endif
}

void scan(const ElfW(Rela) * relocations, size_t bytes, const ElfW(Sym) * symbols, const char* names, ElfW(Addr) base, Entries& entries) {
  for (size_t i = 0; relocations != nullptr && i < bytes / sizeof *relocations; i++) {
    const size_t symbol = size_t(ELF64_R_SYM(relocations[i].r_info));
    if (symbol == 0 || !isEntry(uint32_t(ELF64_R_TYPE(relocations[i].r_info)))) continue;
    const char* name = names + symbols[symbol].st_name;
    void** entry = reinterpret_cast<void**>(base + relocations[i].r_offset);
    if (strcmp(name, "read") == 0) entries.read.push_back(entry);
    if (strcmp(name, "write") == 0) entries.write.push_back(entry);
    if (strcmp(name, "writev") == 0) entries.writeV.push_back(entry);
  }
}

int scanLibrary(dl_phdr_info* library, size_t, void* context) {
  Entries& entries = *static_cast<Entries*>(context);
  bool isIt = false;
  const ElfW(Dyn)* dynamic = nullptr;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr)& part = library->dlpi_phdr[i];
    const uintptr_t start = library->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && entries.base >= start && entries.base < start + part.p_memsz) isIt = true;
    if (part.p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const ElfW(Dyn)*>(start);
  }
  if (!isIt || dynamic == nullptr) return 0;
  const ElfW(Rela)*jumps = nullptr, *relocations = nullptr;
  size_t jumpBytes = 0, relocationBytes = 0;
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    const ElfW(Addr) address = dynamic->d_un.d_ptr;
    switch (dynamic->d_tag) {
      case DT_JMPREL: jumps = reinterpret_cast<const ElfW(Rela)*>(address); break;
      case DT_PLTRELSZ: jumpBytes = dynamic->d_un.d_val; break;
      case DT_RELA: relocations = reinterpret_cast<const ElfW(Rela)*>(address); break;
      case DT_RELASZ: relocationBytes = dynamic->d_un.d_val; break;
      case DT_SYMTAB: symbols = reinterpret_cast<const ElfW(Sym)*>(address); break;
      case DT_STRTAB: names = reinterpret_cast<const char*>(address); break;
    }
  }
  if (symbols == nullptr || names == nullptr) return 1;
  scan(jumps, jumpBytes, symbols, names, library->dlpi_addr, entries);
  scan(relocations, relocationBytes, symbols, names, library->dlpi_addr, entries);
  return 1;
}

bool setEntry(void** entry, void* value) {
  const uintptr_t pageBytes = uintptr_t(sysconf(_SC_PAGESIZE));
  void* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(entry) & ~(pageBytes - 1));
  // It stays writable: what else lies on the page may have been so before.
  if (mprotect(page, pageBytes, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(entry, value, __ATOMIC_RELEASE);
  return true;
}

bool setEntries(const std::vector<void**>& entries, void* value) {
  for (void** entry : entries)
    if (!setEntry(entry, value)) return false;
  return true;
}

Status install() {
  const auto unsupported = [](const char* why) { return Status::fail("UNSUPPORTED_PLATFORM", why); };
#ifndef __LP64__
  return unsupported("reading along needs a 64-bit process.");
#endif
  void* loop = dlsym(RTLD_DEFAULT, "uv_run");
  Entries entries;
  entries.base = reinterpret_cast<uintptr_t>(loop);
  if (loop == nullptr) return unsupported("libuv is not found in this process.");
  dl_iterate_phdr(scanLibrary, &entries);
  if (entries.read.empty() || entries.write.empty() || entries.writeV.empty())
    return unsupported("libuv's calls of read and write are not found in this process.");
  // The entries point into this addon from now on, also when the last environment that loaded it has ended.
  Dl_info about;
  if (dladdr(reinterpret_cast<void*>(&hookedRead), &about) == 0 || dlopen(about.dli_fname, RTLD_NOW | RTLD_NODELETE) == nullptr)
    return unsupported("the addon cannot be kept in memory.");
  if (!setEntries(entries.read, reinterpret_cast<void*>(&hookedRead)) || !setEntries(entries.write, reinterpret_cast<void*>(&hookedWrite)) ||
      !setEntries(entries.writeV, reinterpret_cast<void*>(&hookedWriteV)))
    return unsupported("libuv's import table cannot be changed.");
  return Status::ok();
}

}  // namespace

Status installIoHooks() {
  // Leaked on purpose: threads may ask until the process ends.
  static std::mutex* const once = new std::mutex();
  static bool isInstalled = false;
  const std::lock_guard<std::mutex> lock(*once);
  if (isInstalled) return Status::ok();
  const Status status = install();
  isInstalled = status.isOk();
  return status;
}

Status trackDescriptor(int fd, ConnectionSlot* slot) {
  if (fd < 0 || fd >= TRACKED_FD_MAX) return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(fd) + " cannot be tracked.");
  auto connection = std::make_unique<Tracked>(Tracked{slot, AnswerMeter()});
  Tracked* none = nullptr;
  if (tracked[fd].compare_exchange_strong(none, connection.get())) {
    // The table owns it until it is untracked.
    (void)connection.release();
    return Status::ok();
  }
  return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(fd) + " is tracked already.");
}

ConnectionSlot* untrackDescriptor(int fd) {
  if (fd < 0 || fd >= TRACKED_FD_MAX) return nullptr;
  const std::unique_ptr<Tracked> connection(tracked[fd].exchange(nullptr));
  return connection == nullptr ? nullptr : connection->slot;
}

}  // namespace mofo
