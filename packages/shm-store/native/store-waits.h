// The threads that wait on behalf of one NativeStore, and the way of their reports into JavaScript.
#pragma once
#include <napi.h>
#include <atomic>
#include <memory>
#include "doorbell-watcher.h"
#include "role-watcher.h"
#include "thread-report.h"

namespace mofo {

/** Watches the role until it ends, and calls back. */
class RoleWatch {
 public:
  RoleWatch(Napi::Env env, const StoreView& view, bool judgesHangs);
  Status start(Napi::Function callback, bool keepsAlive);

 private:
  RoleWatcher watcher_;
  ThreadReport report_;
};

/** Watches the doorbell until it is destroyed, and calls back. */
class DoorbellWatch {
 public:
  DoorbellWatch(Napi::Env env, const StoreView& view);
  Status start(Napi::Function callback, bool keepsAlive);

 private:
  void onRing();

  std::atomic<bool> isOnItsWay_{false};
  DoorbellWatcher watcher_;
  ThreadReport report_;
};

/** A slot's words as an object of numbers and the label; see NativeSlot in src/native-waiting.ts. */
Napi::Object slotToObject(Napi::Env env, const SlotReading& slot);

}  // namespace mofo
