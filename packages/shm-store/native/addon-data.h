// What the addon keeps per environment (main thread or worker); nothing of it is shared between environments or outlives one.
#pragma once
#include <napi.h>
#include <memory>
#include "process-watcher.h"

namespace mofo {

struct AddonData {
  /** Makes errors of (code, detail, errno); empty before setErrorFactory. */
  Napi::FunctionReference errorFactory;
  std::unique_ptr<ProcessWatcher> watcher;
};

}  // namespace mofo
