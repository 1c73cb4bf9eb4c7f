#include "sd-notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include "file-descriptor.h"

namespace mofo {

Status notifyService(const std::string& path, const std::string& state) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
    return Status::fail("INVALID_ARGUMENT", "the socket to notify is an absolute path, or @ and a name, of at most 107 bytes.", EINVAL);
  memcpy(address.sun_path, path.data(), path.size());
  const bool isAbstract = path[0] == '@';
  if (isAbstract) address.sun_path[0] = 0;
  const socklen_t length = socklen_t(offsetof(sockaddr_un, sun_path) + path.size() + (isAbstract ? 0 : 1));
  FileDescriptor file(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ssize_t sent = -1;
  if (file) do {
      sent = sendto(file.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length);
    } while (sent < 0 && errno == EINTR);
  if (sent < 0) return Status::fail("SYSTEM_ERROR", "telling " + path + " failed: " + strerror(errno) + ".", errno);
  return Status::ok();
}

}  // namespace mofo
