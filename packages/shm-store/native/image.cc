#include "image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include "crc32.h"

namespace mofo {

namespace {

/** Small enough to stay in the cache between reading, summing and writing. */
constexpr uint64_t PIECE_BYTES = 256 << 10;

using Piece = std::unique_ptr<uint8_t[]>;

Status makePiece(Piece& piece) {
  piece.reset(new (std::nothrow) uint8_t[PIECE_BYTES]);
  return piece != nullptr ? Status::ok() : Status::fail("OUT_OF_MEMORY", "there is no memory for a buffer of 256 KiB.", ENOMEM);
}

/** Reads up to `count` bytes; fewer only at the end of the file. */
Status readFully(const FileDescriptor& file, uint8_t* target, uint64_t count, uint64_t offset, uint64_t& done) {
  for (done = 0; done < count;) {
    const ssize_t got = pread(file.get(), target + done, count - done, off_t(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Status::fail("IMAGE_READ_FAILED", std::string("reading failed: ") + strerror(errno) + ".", errno);
    if (got == 0) break;
    done += uint64_t(got);
  }
  return Status::ok();
}

Status writeFully(const FileDescriptor& file, const uint8_t* source, uint64_t count, uint64_t offset) {
  for (uint64_t done = 0; done < count;) {
    const ssize_t put = pwrite(file.get(), source + done, count - done, off_t(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Status::fail("IMAGE_WRITE_FAILED", std::string("writing failed: ") + strerror(errno) + ".", put < 0 ? errno : EIO);
    done += uint64_t(put);
  }
  return Status::ok();
}

bool isZero(const uint8_t* bytes, uint64_t count) { return count == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count - 1) == 0); }

}  // namespace

Status writeImageRange(const FileDescriptor& backup, const FileDescriptor& file, uint64_t from, uint64_t to, uint64_t offset, uint32_t& crc) {
  Piece piece;
  Status status = makePiece(piece);
  crc = 0;
  for (uint64_t at = from; at < to && status.isOk();) {
    const uint64_t count = std::min(PIECE_BYTES, to - at);
    uint64_t done = 0;
    status = readFully(backup, piece.get(), count, at, done);
    if (status.isOk() && done < count) status = Status::fail("STORE_DAMAGED", "the backup segment is shorter than its store.");
    if (!status.isOk()) break;
    crc = crc32(crc, piece.get(), count);
    if (!isZero(piece.get(), count)) status = writeFully(file, piece.get(), count, offset + (at - from));
    at += count;
  }
  return status;
}

Status readImageRange(const FileDescriptor& file, uint64_t offset, uint64_t count,
                      const std::function<void(uint64_t, const uint8_t*, uint64_t)>& use, uint32_t& crc) {
  Piece piece;
  Status status = makePiece(piece);
  crc = 0;
  for (uint64_t at = 0; at < count && status.isOk();) {
    const uint64_t wanted = std::min(PIECE_BYTES, count - at);
    uint64_t done = 0;
    status = readFully(file, piece.get(), wanted, offset + at, done);
    if (status.isOk() && done < wanted) status = Status::fail("IMAGE_CORRUPT", "the image file ends before its last byte.");
    if (!status.isOk()) break;
    crc = crc32(crc, piece.get(), wanted);
    use(at, piece.get(), wanted);
    at += wanted;
  }
  return status;
}

}  // namespace mofo
