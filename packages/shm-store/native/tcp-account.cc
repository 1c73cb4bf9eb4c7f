#include "tcp-account.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace mofo {

namespace {

constexpr uint8_t ESTABLISHED = 1, CLOSE_WAIT = 8;

/** A peer would have to do something between every two of so many pairs of system calls. */
constexpr int ATTEMPTS_MAX = 100;

Status failure(const char* doing) { return Status::fail("SYSTEM_ERROR", std::string(doing) + " failed: " + strerror(errno) + ".", errno); }

Status readInfo(int fd, tcp_info& info) {
  memset(&info, 0, sizeof info);
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return failure("asking for a connection's state");
  if (length < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
    return Status::fail("SYSTEM_ERROR", "this kernel does not count a connection's bytes.");
  return Status::ok();
}

bool isSameMoment(const tcp_info& left, const tcp_info& right) {
  return left.tcpi_state == right.tcpi_state && left.tcpi_bytes_received == right.tcpi_bytes_received &&
         left.tcpi_bytes_acked == right.tcpi_bytes_acked;
}

}  // namespace

Status readTcpAccount(int fd, TcpAccount& account) {
  tcp_info info, after;
  Status status = readInfo(fd, info);
  if (!status.isOk()) return status;
  account = TcpAccount();
  int unread = 0, unsent = 0;
  for (int attempt = 0;; attempt++) {
    account.isOpen = info.tcpi_state == ESTABLISHED || info.tcpi_state == CLOSE_WAIT;
    if (!account.isOpen) return Status::ok();
    if (ioctl(fd, SIOCINQ, &unread) != 0 || ioctl(fd, SIOCOUTQ, &unsent) != 0) return failure("asking for a connection's queues");
    status = readInfo(fd, after);
    if (!status.isOk()) return status;
#ifdef MOFO_PLANT_COUNTS_APART
    break;
#endif
    // What the peer sent or acknowledged in between would be missing in one count or the other.
    if (isSameMoment(info, after)) break;
    if (attempt == ATTEMPTS_MAX) {
      account.isCoherent = false;
      return Status::ok();
    }
    info = after;
  }
  // The peer's end of the stream counts as a byte that nobody reads.
#ifdef MOFO_PLANT_END_COUNTS
  const uint64_t end = 0;
#else
  const uint64_t end = info.tcpi_state == CLOSE_WAIT ? 1 : 0;
#endif
  account.consumed = info.tcpi_bytes_received - uint64_t(unread) - end;
  account.written = info.tcpi_bytes_acked + uint64_t(unsent);
  return Status::ok();
}

void resetTcp(int fd) {
  sockaddr nowhere = {};
  nowhere.sa_family = AF_UNSPEC;
  // Fails only when the connection has ended already.
  (void)connect(fd, &nowhere, sizeof nowhere);
}

}  // namespace mofo
