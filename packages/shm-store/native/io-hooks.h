// Hooks on the `read`, `write` and `writev` of the library that does this process's socket work (libuv, in Node's own executable or beside it): for
// connections that are tracked, what passes is noted in their slot; all else passes as before. It is the entries of that one library's import table that are
// changed, so nobody else in the process is affected.
//
// Bytes are read into the slot first and copied from there, so there is no moment at which the kernel has given a byte that a successor could not find.
#pragma once
#include "connection-slot.h"
#include "status.h"

namespace mofo {

/** Changes the entries, once for the process. Fails with UNSUPPORTED_PLATFORM when they are not found; then nothing has changed. */
Status installIoHooks();
/** Notes what passes through `fd` in `slot` from now on. Fails when the descriptor's number is too large or is tracked already. */
Status trackDescriptor(int fd, ConnectionSlot* slot);
/** Ends that, before the descriptor is closed; returns the slot, or null. */
ConnectionSlot* untrackDescriptor(int fd);

}  // namespace mofo
