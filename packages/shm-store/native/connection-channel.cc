#include "connection-channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <cerrno>
#include <cstring>

namespace mofo {

Status makeChannel(FileDescriptor& left, FileDescriptor& right) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Status::fail("SYSTEM_ERROR", std::string("making a channel for connections failed: ") + strerror(errno) + ".", errno);
  left = FileDescriptor(ends[0]);
  right = FileDescriptor(ends[1]);
  return Status::ok();
}

Transfer sendMessage(int channel, const ConnectionMessage& message, int fd) {
  ConnectionMessage copy = message;
  iovec part = {&copy, sizeof copy};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  if (fd >= 0) {
    packet.msg_control = control;
    packet.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&packet);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  while (sendmsg(channel, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM ? Transfer::Later : Transfer::Ended;
  }
  return Transfer::Done;
}

Transfer receiveMessage(int channel, ConnectionMessage& message, FileDescriptor& fd) {
  iovec part = {&message, sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  fd.reset();
  while (true) {
    msghdr packet = {};
    packet.msg_iov = &part;
    packet.msg_iovlen = 1;
    packet.msg_control = control;
    packet.msg_controllen = sizeof control;
    const ssize_t count = recvmsg(channel, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN ? Transfer::Later : Transfer::Ended;
    if (count == 0) return Transfer::Ended;
    const cmsghdr* head = CMSG_FIRSTHDR(&packet);
    if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int))) {
      int received = -1;
      memcpy(&received, CMSG_DATA(head), sizeof received);
      fd = FileDescriptor(received);
    }
    // Of another length it is not ours; the launcher is trusted, a stray writer on the descriptor is not.
    if (size_t(count) == sizeof message) return Transfer::Done;
  }
}

}  // namespace mofo
