// What the kernel says of a TCP connection: how many bytes any process took from it, and how many any process gave to it.
#pragma once
#include <cstdint>
#include "status.h"

namespace mofo {

struct TcpAccount {
  /** Both directions are open, or only the peer has ended its own. */
  bool isOpen = false;
  uint64_t consumed = 0;
  uint64_t written = 0;
  /** The counts are of one moment; false: the peer did not let it be, though asked again and again. */
  bool isCoherent = true;
};

/** Asks the kernel. Fails with SYSTEM_ERROR for what is no TCP socket, and on kernels that do not count (before 4.2). */
Status readTcpAccount(int fd, TcpAccount& account);

/** Ends a connection with a reset that the peer sees at once, whoever else holds its descriptor. */
void resetTcp(int fd);

}  // namespace mofo
