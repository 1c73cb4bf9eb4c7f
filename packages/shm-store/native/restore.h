// Restoring: three fresh segments made from an image file.
//
//   create lock -> what is there? -> nameless files, loaded, every checksum right -> old store RETIRED, unlinked -> names: control (READY 0),
//   main, backup -> READY 1
//
// Until everything is loaded and verified the new segments have no names, so a killed restorer leaves nothing behind, and nothing of the old
// store has been touched. Killed later, it leaves a store that READY or RETIRED declare half made, which the next opener, destroyer
// or restorer replaces; the image file is still there.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "file-descriptor.h"
#include "segment.h"
#include "status.h"

namespace mofo {

struct RestoreRequest {
  std::string directory = SHM_DIRECTORY;
  std::string name;
  FileDescriptor image;
  uint64_t sizeBytes = 0;
  uint64_t reservedBytes = 0;
  /** Where main's bytes begin in the file. */
  uint64_t dataOffset = 0;
  uint64_t chunkBytes = 0;
  /** CRC-32 of each chunk. */
  std::vector<uint32_t> checksums;
  /** The new timeline at least; higher if the store that is replaced had a higher one. */
  uint32_t timeline = 0;
  /** Replace an existing store. */
  bool force = false;
};

/**
 * Fails with STORE_EXISTS, STORE_INCOMPLETE or the examination's code unless forced, IMAGE_CORRUPT, IMAGE_READ_FAILED, and the codes of making a
 * store. On any thread.
 */
Status restoreSegments(const RestoreRequest& request, uint32_t& timeline);

}  // namespace mofo
