// What a service tells systemd: one datagram of lines such as READY=1 to the socket that NOTIFY_SOCKET names. Node has no unix datagrams.
#pragma once
#include <string>
#include "status.h"

namespace mofo {

/**
 * Sends `state` to the socket `path`; `@` in front means an abstract name. Never blocks: a receiver that takes nothing is an error.
 * SYSTEM_ERROR when it could not be sent, with the system's reason; nothing else has changed then.
 */
Status notifyService(const std::string& path, const std::string& state);

}  // namespace mofo
