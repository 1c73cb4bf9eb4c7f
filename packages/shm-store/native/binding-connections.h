// The addon's classes for connections that survive: ConnectionHub of a launcher, ConnectionDesk of its processes.
#pragma once
#include <napi.h>

namespace mofo {

/** Adds ConnectionHub, ConnectionDesk and installIoHooks. */
void exportConnections(Napi::Env env, Napi::Object exports);

}  // namespace mofo
