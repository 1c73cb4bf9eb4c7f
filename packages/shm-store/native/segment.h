// The three files of a store under /dev/shm: their names, what they must be like before a byte of them is trusted, and their mapping.
//
// Everything is judged by file descriptor (owner, mode, size) and by pread (header bytes): nothing is mapped before it is judged, because
// a mapped file that is too short kills with SIGBUS, and reading a hole through a mapping allocates it.
#pragma once
#include <sys/stat.h>
#include <cstdint>
#include <memory>
#include <string>
#include "file-descriptor.h"
#include "geometry.h"
#include "status.h"
#include "store-view.h"

namespace mofo {

constexpr const char* SHM_DIRECTORY = "/dev/shm";

/** Paths of one store's files. */
struct StorePaths {
  std::string main, backup, control, lock;
};

/** INVALID_NAME unless `name` is 1 to 64 letters, digits, '_' and '-', beginning with a letter or digit. */
Status checkName(const std::string& name);
StorePaths pathsOf(const std::string& directory, const std::string& name);

/** Descriptors of the files that exist. */
struct StoreFiles {
  FileDescriptor main, backup, control;
};

enum class StoreState {
  absent,      // none of the three files exists
  incomplete,  // half made by a creator that died (READY is not set): may be replaced
  retired,     // destroyed or replaced; whoever did it died before all files were gone: may be replaced
  broken,      // complete once, but a file has gone that our own steps never remove first: only an order to destroy may touch it
  ready,
};

/** What checking a store's files gave. */
struct Examined {
  StoreState state = StoreState::absent;
  /** Control has our magic, format and layout: its words mean what we think. */
  bool isControlKnown = false;
  uint64_t sizeBytes = 0;
  /** Base address to map main at (a hint). */
  uint64_t baseAddress = 0;
  /** Native regions hold raw pointers: the hint is a condition. */
  bool hasRegions = false;
  StoreFiles files;
};

/** Opens one file of ours: NOT_OWNER, UNSAFE_MODE or a system code; success with an empty `file` when it does not exist. */
Status openOwnFile(const std::string& path, int flags, FileDescriptor& file);
/** Judges the files in the order owner, mode, format, byte order, layout, libc, pid namespace, sizes, identity. */
Status examine(const StorePaths& paths, const std::string& name, Examined& result);

/** The status for a failed system call on one of the files. */
Status systemFailure(const std::string& doing, int error);
/** The inode of this process's pid namespace; lock owners are thread ids, which mean something only in there (R9). */
Status pidNamespace(double& inode);
/** Hash of name and version of the C library, whose mutex layout the locks have (R9). */
uint32_t libcHash();

/** How segments are mapped. */
struct MapRequest {
  /** Where main is wanted; 0: anywhere. */
  uint64_t baseAddress = 0;
  /** Nowhere else: ADDRESS_TAKEN. */
  bool exactAddress = false;
  /** Share the mapping with others of this process; false for a store that is still being made. */
  bool shared = true;
};

/**
 * The mapped segments, shared by all handles of this process on one store: so worker threads, too, have main at its recorded address. Unmapped
 * when the last owner, a store's handle or an ArrayBuffer, lets go (R4).
 */
class StoreMapping {
 public:
  static Status map(StoreFiles files, uint64_t sizeBytes, const MapRequest& request, std::shared_ptr<StoreMapping>& result);
  ~StoreMapping();
  StoreMapping(const StoreMapping&) = delete;
  StoreMapping& operator=(const StoreMapping&) = delete;

  StoreView view() const;
  const Geometry& geometry() const { return geometry_; }
  const StoreFiles& files() const { return files_; }

 private:
  StoreMapping(StoreFiles files, uint64_t sizeBytes) : files_(std::move(files)), geometry_(sizeBytes) {}

  StoreFiles files_;
  Geometry geometry_;
  uint8_t* main_ = nullptr;
  uint8_t* backup_ = nullptr;
  uint8_t* control_ = nullptr;
};

/** A base address for a new store's main, by its name, in a part of the address space that is seldom used; only a hint. */
uint64_t preferredAddress(const std::string& name);

}  // namespace mofo
