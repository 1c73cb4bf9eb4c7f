// Copying main to the backup may be cut after any store: the next copy makes them equal all the same, and a page state of 0 always means equal.
// Also the checksum and the body of image files.
#include <sys/mman.h>
#include <cstdlib>
#include <cstring>
#include <string>
#include "../backup.h"
#include "../crc32.h"
#include "../guard.h"
#include "../image.h"
#include "../stores.h"
#include "check.h"
#include "cut.h"
#include "image.h"

using namespace mofo;
using namespace mofo::test;

namespace {

uint64_t cutStates = 0;

/** An empty store with a backup of its own. */
class BackedImage {
 public:
  BackedImage() {
    void* memory = mmap(nullptr, SIZE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) abort();
    backup_ = static_cast<uint8_t*>(memory);
    std::memcpy(backup_, image_.main(), SIZE_BYTES);
  }
  ~BackedImage() { munmap(backup_, SIZE_BYTES); }
  StoreView view() const {
    StoreView view = image_.view(0);
    view.backup = backup_;
    return view;
  }
  /** Writes to a page as playback does. */
  void write(uint64_t page, uint8_t value) {
    const StoreView store = view();
    Guard(store).pages(page, page);
    std::memset(store.main + page * layout::PAGE_BYTES + 100, value, 64);
  }
  bool isEqual() const { return std::memcmp(backup_, image_.main(), SIZE_BYTES) == 0; }
  /** The invariant that holds at every moment. */
  bool areStatesTrue() const {
    const StoreView store = view();
    for (uint64_t page = 0; page < SIZE_BYTES / layout::PAGE_BYTES; page++) {
      const uint64_t at = page * layout::PAGE_BYTES;
      if (store.pageStates()[page] == 0 && std::memcmp(store.main + at, store.backup + at, layout::PAGE_BYTES) != 0) return false;
    }
    return true;
  }
  uint32_t epoch() const { return image_.word(layout::CONTROL_EPOCH); }

 private:
  Image image_;
  uint8_t* backup_;
};

/** Copies; false when it was cut. */
bool copy(const BackedImage& image, uint64_t cutAfter, BackupReport& report) {
  try {
    cut::arm(cutAfter, cut::Ending::Throw);
    copyDirtyPages(image.view(), report);
    cut::arm(0, cut::Ending::Throw);
    return true;
  } catch (const cut::Cut&) {
    cut::arm(0, cut::Ending::Throw);
    cutStates++;
    return false;
  }
}

}  // namespace

TEST("a copy makes backup equal and copies only what was written") {
  BackedImage image;
  BackupReport report;
  CHECK(copy(image, 0, report));
  CHECK(report.pagesCopied == 0 && report.epoch == 1 && report.reservedBytes == SIZE_BYTES);
  image.write(3, 1);
  image.write(4, 1);
  image.write(200, 1);
  CHECK(!image.isEqual());
  report = BackupReport();
  CHECK(copy(image, 0, report));
  CHECK(report.pagesCopied == 3 && report.epoch == 2);
  CHECK(image.isEqual() && image.areStatesTrue());
}

TEST("a copy that is cut after any store is finished by the next one") {
  // Words of a copied page are alike: of those every few are enough, of the stores between pages none is left out.
  constexpr uint64_t PAGE_STORES = layout::PAGE_BYTES / 4 + 1, STORES = 4 * PAGE_STORES + 1;
  for (uint64_t cutAfter = 1; cutAfter <= STORES + 1; cutAfter++) {
    const uint64_t inPage = cutAfter % PAGE_STORES;
    if (inPage > 2 && inPage < PAGE_STORES - 2 && inPage % 5 != 0) continue;
    BackedImage image;
    for (const uint64_t page : {0, 7, 8, 9}) image.write(page, 5);
    BackupReport report;
    const bool isWhole = copy(image, cutAfter, report);
    CHECK_MESSAGE(image.areStatesTrue(), "after store " + std::to_string(cutAfter));
    // The next writer does not know of it.
    image.write(8, 6);
    image.write(50, 6);
    BackupReport second;
    CHECK(copy(image, 0, second));
    CHECK_MESSAGE(image.isEqual(), "after store " + std::to_string(cutAfter));
    CHECK(isWhole == (cutAfter > STORES));
  }
}

TEST("the checksum is zlib's") {
  const std::string text = "123456789";
  CHECK(crc32(0, reinterpret_cast<const uint8_t*>(text.data()), text.size()) == 0xCBF43926u);
  uint32_t inPieces = 0;
  for (const char c : text) inPieces = crc32(inPieces, reinterpret_cast<const uint8_t*>(&c), 1);
  CHECK(inPieces == 0xCBF43926u);
}

TEST("what is written is read back with the same checksum; a file that ends early is refused") {
  const FileDescriptor source(memfd_create("source", 0)), target(memfd_create("target", 0));
  const uint64_t bytes = 700000;
  std::string data(bytes, '\0');
  for (uint64_t i = 300000; i < bytes; i++) data[i] = char(i * 7 + i / 300);
  CHECK(pwrite(source.get(), data.data(), bytes, 0) == ssize_t(bytes));
  CHECK(ftruncate(target.get(), off_t(bytes + 5000)) == 0);
  uint32_t written = 0, read = 0;
  CHECK(writeImageRange(source, target, 0, bytes, 5000, written).isOk());
  std::string back(bytes, 'x');
  const auto use = [&](uint64_t at, const uint8_t* piece, uint64_t count) { std::memcpy(&back[at], piece, count); };
  CHECK(readImageRange(target, 5000, bytes, use, read).isOk());
  CHECK(written == read && back == data);
  CHECK(written == crc32(0, reinterpret_cast<const uint8_t*>(data.data()), bytes));
  const Status status = readImageRange(target, 5000, bytes + 1, use, read);
  CHECK(!status.isOk() && std::string(status.code()) == "IMAGE_CORRUPT");
}

int main(int argumentCount, char** arguments) {
  cut::start();
  const int result = runCases(argumentCount, arguments);
  cut::printSites();
  std::printf("backup: %llu cut states\n", static_cast<unsigned long long>(cutStates));
  return result;
}
