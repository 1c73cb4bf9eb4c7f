// Process and socket functions of the addon.
#pragma once
#include <napi.h>

namespace mofo {

/** Adds processStartTime, killProcess, watchProcess, unwatchProcess, limitCoreDump, listenTcp and boundPort. */
void exportProcess(Napi::Env env, Napi::Object exports);

}  // namespace mofo
