// Listening sockets that outlive the process that serves them: the launcher binds and listens, never accepts, and hands the descriptor to
// main and clone alike, so that connections wait in the kernel's queue while there is nobody to accept them.
#pragma once
#include <cstdint>
#include <string>
#include "status.h"

namespace mofo {

/** Binds and listens on a numeric IPv4 or IPv6 address or a host name; empty is every address. The descriptor is close-on-exec. */
Status listenTcp(const std::string& host, uint16_t port, int backlog, int& fd);
/** Binds and listens on a unix socket with this path, which must not be there. The descriptor is close-on-exec. */
Status listenUnix(const std::string& path, int backlog, int& fd);
/** The port that a socket is bound to. */
Status boundPort(int fd, uint16_t& port);

}  // namespace mofo
