// The ArrayBuffers through which JavaScript sees one store, made as far as they are needed and enlarged when more is.
//
// V8 counts an external buffer's bytes as memory that a garbage collection could win back, whether or not anything lies behind its addresses. A store
// of 64 GiB shown whole, sixteen windows of 4 GiB and 1.5 GiB of journal and undo list, cost a full collection for each of them: 70 to 400 ms to open an empty store.
// So a buffer begins small and is replaced by one four times as long over the same memory when its end is reached. The old one
// stays valid for what it shows, until nobody has it any more.
#pragma once
#include <napi.h>
#include <memory>
#include "segment.h"
#include "status.h"

namespace mofo {

class ExposedMemory {
 public:
  /** Puts the properties windows, control, journal and undo on `object`: main up to `mainBytes`, the ranges up to their first step. */
  Status open(Napi::Env env, Napi::Object object, const std::shared_ptr<StoreMapping>& mapping, const StoreView& view, uint64_t mainBytes);
  /** Makes `windows` reach at least this far. */
  Status showMain(Napi::Env env, Napi::Object object, uint64_t bytes);
  /** Makes `journal` reach at least this far. */
  Status showJournal(Napi::Env env, Napi::Object object, uint64_t bytes);
  /** Makes `undo` reach at least this far. */
  Status showUndo(Napi::Env env, Napi::Object object, uint64_t bytes);
  /** Lets the mapping go; the buffers keep it for as long as they live. */
  void close() { mapping_.reset(); }

 private:
  struct Range {
    const char* name;
    uint8_t* start;
    uint64_t capacity;
    uint64_t shown;
  };
  Status showRange(Napi::Env env, Napi::Object object, Range& range, uint64_t bytes);

  std::shared_ptr<StoreMapping> mapping_;
  uint8_t* main_ = nullptr;
  uint64_t mainBytes_ = 0;
  /** Bytes of main that the windows show. */
  uint64_t mainShown_ = 0;
  Range journal_ = {};
  Range undo_ = {};
};

/** Defines or replaces a property that JavaScript may not write to. */
bool setMember(Napi::Env env, Napi::Object object, const char* name, Napi::Value value);

}  // namespace mofo
