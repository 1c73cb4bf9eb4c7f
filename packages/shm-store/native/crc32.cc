#include "crc32.h"

#include <array>

namespace mofo {

namespace {

constexpr uint32_t POLYNOMIAL = 0xEDB88320u;
constexpr size_t SLICES = 8;

using Tables = std::array<std::array<uint32_t, 256>, SLICES>;

constexpr Tables makeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++)
    for (size_t slice = 1; slice < SLICES; slice++)
      tables[slice][byte] = (tables[slice - 1][byte] >> 8) ^ tables[0][tables[slice - 1][byte] & 0xff];
  return tables;
}

constexpr Tables TABLES = makeTables();

/** Four bytes as a little-endian number on every machine. */
uint32_t wordAt(const uint8_t* bytes) {
  return uint32_t(bytes[0]) | uint32_t(bytes[1]) << 8 | uint32_t(bytes[2]) << 16 | uint32_t(bytes[3]) << 24;
}

}  // namespace

// Slicing by 8 (Kounavis and Berry, 2005): eight table look-ups that do not wait for each other.
uint32_t crc32(uint32_t crc, const uint8_t* bytes, size_t count) {
  crc = ~crc;
  for (; count >= SLICES; count -= SLICES, bytes += SLICES) {
    const uint32_t low = wordAt(bytes) ^ crc, high = wordAt(bytes + 4);
    crc = TABLES[7][low & 0xff] ^ TABLES[6][low >> 8 & 0xff] ^ TABLES[5][low >> 16 & 0xff] ^ TABLES[4][low >> 24] ^
          TABLES[3][high & 0xff] ^ TABLES[2][high >> 8 & 0xff] ^ TABLES[1][high >> 16 & 0xff] ^ TABLES[0][high >> 24];
  }
  for (; count > 0; count--, bytes++) crc = crc >> 8 ^ TABLES[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}

}  // namespace mofo
