#include "exposed-memory.h"

#include <algorithm>

namespace mofo {

namespace {

constexpr uint64_t WINDOW_BYTES = layout::WINDOW_GRANULES * layout::GRANULE_BYTES;
/** V8 begins to collect when 64 MiB of external memory have come on top: several stores stay below that. */
constexpr uint64_t MAIN_FIRST_BYTES = 16ull << 20;
constexpr uint64_t RANGE_FIRST_BYTES = 4ull << 20;
constexpr uint64_t GROWTH = 4;

using KeepAlive = std::shared_ptr<StoreMapping>;

/** An ArrayBuffer over part of the mapping, which keeps the mapping alive. NO_EXTERNAL_BUFFERS where V8 runs in its sandbox. */
Status makeBuffer(Napi::Env env, const KeepAlive& mapping, uint8_t* start, uint64_t bytes, Napi::Value& result) {
  auto keepAlive = std::make_unique<KeepAlive>(mapping);
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, start, size_t(bytes), [](napi_env, void*, void* hint) { delete static_cast<KeepAlive*>(hint); }, keepAlive.get(), &buffer);
  if (status == napi_ok) {
    (void)keepAlive.release();
    result = Napi::Value(env, buffer);
    return Status::ok();
  }
  // napi_no_external_buffers_allowed, which headers of NAPI_VERSION 8 may not name.
  constexpr int NO_EXTERNAL_BUFFERS = 22;
  if (int(status) == NO_EXTERNAL_BUFFERS)
    return Status::fail("NO_EXTERNAL_BUFFERS", "this runtime does not let JavaScript see memory outside its own heap.");
  return Status::fail("SYSTEM_ERROR", "an ArrayBuffer of " + std::to_string(bytes) + " bytes over the store could not be made.");
}

Status exiting() { return Status::fail("EXITING", "the environment is ending."); }

/** How much to show when `bytes` are needed and `shown` were shown: what is needed in whole first steps, and four times as much as before. */
uint64_t nextShown(uint64_t bytes, uint64_t shown, uint64_t first, uint64_t capacity) {
  return std::min(capacity, std::max({roundUp(bytes, first), GROWTH * shown, first}));
}

}  // namespace

bool setMember(Napi::Env env, Napi::Object object, const char* name, Napi::Value value) {
  const auto attributes = napi_property_attributes(napi_enumerable | napi_configurable);
  const napi_property_descriptor descriptor = {name, nullptr, nullptr, nullptr, nullptr, value, attributes, nullptr};
  return napi_define_properties(env, object, 1, &descriptor) == napi_ok;
}

Status ExposedMemory::open(Napi::Env env, Napi::Object object, const std::shared_ptr<StoreMapping>& mapping, const StoreView& view,
                           uint64_t mainBytes) {
  const Geometry& geometry = mapping->geometry();
  mapping_ = mapping;
  main_ = view.main;
  mainBytes_ = geometry.sizeBytes;
  journal_ = {"journal", view.journal(view.slot), geometry.journalBytes(), 0};
  undo_ = {"undo", view.undo(view.slot), geometry.undoBytes(), 0};
  Napi::Value control;
  Status status = makeBuffer(env, mapping, view.control, geometry.fixedBytes(), control);
  if (!status.isOk()) return status;
  if (!setMember(env, object, "control", control) ||
      !setMember(env, object, "journalCapacityBytes", Napi::Number::New(env, double(journal_.capacity))) ||
      !setMember(env, object, "undoCapacityBytes", Napi::Number::New(env, double(undo_.capacity))))
    return exiting();
  status = showMain(env, object, mainBytes);
  if (status.isOk()) status = showJournal(env, object, 1);
  return status.isOk() ? showUndo(env, object, 1) : status;
}

Status ExposedMemory::showMain(Napi::Env env, Napi::Object object, uint64_t bytes) {
  if (bytes <= mainShown_) return Status::ok();
  const uint64_t target = nextShown(bytes, mainShown_, MAIN_FIRST_BYTES, mainBytes_);
  const Napi::Value old = object.Get("windows");
  const bool hasOld = mainShown_ != 0 && old.IsArray();
  // A new array, so that whoever compares it with the one he knows sees the change.
  const Napi::Array windows = Napi::Array::New(env);
  for (uint64_t at = 0; at < target; at += WINDOW_BYTES) {
    const uint32_t index = uint32_t(at / WINDOW_BYTES);
    const uint64_t end = std::min(at + WINDOW_BYTES, target);
    if (hasOld && mainShown_ >= end) {
      windows.Set(index, old.As<Napi::Array>().Get(index));
      continue;
    }
    Napi::Value buffer;
    Status status = makeBuffer(env, mapping_, main_ + at, end - at, buffer);
    if (!status.isOk()) return status;
    windows.Set(index, buffer);
  }
  if (!setMember(env, object, "windows", windows)) return exiting();
  mainShown_ = target;
  return Status::ok();
}

Status ExposedMemory::showJournal(Napi::Env env, Napi::Object object, uint64_t bytes) { return showRange(env, object, journal_, bytes); }

Status ExposedMemory::showUndo(Napi::Env env, Napi::Object object, uint64_t bytes) { return showRange(env, object, undo_, bytes); }

Status ExposedMemory::showRange(Napi::Env env, Napi::Object object, Range& range, uint64_t bytes) {
  if (bytes <= range.shown) return Status::ok();
  const uint64_t target = nextShown(bytes, range.shown, RANGE_FIRST_BYTES, range.capacity);
  Napi::Value buffer;
  Status status = makeBuffer(env, mapping_, range.start, target, buffer);
  if (!status.isOk()) return status;
  if (!setMember(env, object, range.name, buffer)) return exiting();
  range.shown = target;
  return Status::ok();
}

}  // namespace mofo
