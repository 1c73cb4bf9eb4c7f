// The body of an image file: the bytes of main below `reserved`, written from the backup segment and read back, in chunks with a CRC-32 each.
//
// The backup is read through its file, not its mapping: a part that has no memory (between slab table and heap) then reads as zeros and
// stays without memory. Pieces of nothing but zeros are not written; the file has holes there.
#pragma once
#include <cstdint>
#include <functional>
#include "file-descriptor.h"
#include "status.h"

namespace mofo {

/**
 * Writes bytes [from, to) of the backup segment to `offset` of a file of its full size, and returns their CRC-32. Fails with
 * IMAGE_WRITE_FAILED and errno. On any thread.
 */
Status writeImageRange(const FileDescriptor& backup, const FileDescriptor& file, uint64_t from, uint64_t to, uint64_t offset, uint32_t& crc);

/**
 * Reads `count` bytes from `offset` of a file piece by piece, gives each to `use` with its distance from the start, and returns their CRC-32.
 * Fails with IMAGE_CORRUPT when the file ends before. On any thread.
 */
Status readImageRange(const FileDescriptor& file, uint64_t offset, uint64_t count,
                      const std::function<void(uint64_t at, const uint8_t* bytes, uint64_t count)>& use, uint32_t& crc);

}  // namespace mofo
