// Restoring from JavaScript; what a store does for its own images is in NativeStore.
#pragma once
#include <napi.h>

namespace mofo {

/** Adds `restoreSegments` to the addon's exports. */
void exportImage(Napi::Env env, Napi::Object exports);

}  // namespace mofo
