#include "list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include "segment.h"
#include "slots.h"

namespace mofo {

namespace {

/** The store's name in a file name, or an empty string. */
std::string nameOf(const std::string& file) {
  if (file.compare(0, 5, "mofo.") != 0) return "";
  const size_t dot = file.rfind('.');
  const std::string suffix = file.substr(dot);
  if (dot <= 5 || (suffix != ".main" && suffix != ".backup" && suffix != ".control")) return "";
  const std::string name = file.substr(5, dot - 5);
  return checkName(name).isOk() ? name : "";
}

uint64_t backedBytes(const StoreFiles& files) {
  uint64_t sum = 0;
  for (const FileDescriptor* file : {&files.main, &files.backup, &files.control}) {
    struct stat info;
    if (*file && fstat(file->get(), &info) == 0) sum += uint64_t(info.st_blocks) * 512;
  }
  return sum;
}

/** Header and slots of a ready store's control segment, read into private memory. */
void describe(const FileDescriptor& control, StoreListing& listing) {
  constexpr size_t BYTES = layout::CONTROL_SLOTS + layout::SLOT_COUNT * layout::SLOT_BYTES;
  const auto copy = std::make_unique<uint8_t[]>(BYTES);
  if (pread(control.get(), copy.get(), BYTES, 0) != ssize_t(BYTES)) {
    listing.state = "damaged";
    return;
  }
  StoreView view;
  view.control = copy.get();
  listing.reservedBytes = Geometry::toBytes(*view.controlAt<uint32_t>(layout::CONTROL_RESERVED_GRANULES));
  if (*view.controlAt<uint32_t>(layout::CONTROL_DAMAGED) != 0) listing.state = "damaged";
  for (uint32_t slot = 0; slot < layout::SLOT_COUNT; slot++) {
    const SlotOwner owner = slotOwner(view, slot);
    if (owner == SlotOwner::none) continue;
    const uint32_t pid = *view.slotAt<uint32_t>(slot, layout::SLOT_PID);
    const bool alive = owner == SlotOwner::alive;
    listing.attached.push_back({slot, pid, *view.slotAt<uint32_t>(slot, layout::SLOT_TID), *view.slotAt<uint32_t>(slot, layout::SLOT_ROLE),
                                *view.slotAt<double>(slot, layout::SLOT_START_TIME), alive});
    if (alive && *view.controlAt<uint32_t>(layout::CONTROL_ROLE_SLOT) == slot + 1) listing.rolePid = pid;
  }
}

const char* stateName(StoreState state) {
  switch (state) {
    case StoreState::ready: return "ready";
    case StoreState::retired: return "retired";
    default: return "incomplete";
  }
}

/** False when there is nothing of that name, or nothing of this user's. */
bool listOne(const std::string& directory, const std::string& name, StoreListing& listing) {
  Examined found;
  const Status status = examine(pathsOf(directory, name), name, found);
  listing.name = name;
  if (!status.isOk()) {
    const std::string code = status.code();
    if (code == "NOT_OWNER" || code == "UNSAFE_MODE" || code == "PERMISSION") return false;
    listing.state = code == "STORE_DAMAGED" ? "damaged" : "foreign";
  } else if (found.state == StoreState::absent) {
    return false;
  } else {
    listing.state = stateName(found.state);
  }
  listing.sizeBytes = found.sizeBytes;
  listing.backedBytes = backedBytes(found.files);
  if (status.isOk() && found.state == StoreState::ready) describe(found.files.control, listing);
  return true;
}

}  // namespace

Status listSegments(const std::string& directory, std::vector<StoreListing>& result) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(directory.c_str()), &closedir);
  if (folder == nullptr) return systemFailure("listing " + directory, errno);
  std::set<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = nameOf(entry->d_name);
    if (!name.empty()) names.insert(name);
  }
  for (const std::string& name : names) {
    StoreListing listing;
    // False: gone since the folder was read.
    if (listOne(directory, name, listing)) result.push_back(std::move(listing));
  }
  return Status::ok();
}

Status findSegments(const std::string& directory, const std::string& name, StoreListing& result, bool& isThere) {
  const Status named = checkName(name);
  if (!named.isOk()) return named;
  isThere = listOne(directory, name, result);
  return Status::ok();
}

}  // namespace mofo
