#include "listen.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>
#include "file-descriptor.h"

namespace mofo {

namespace {

Status listenFailure(const std::string& doing, int error) {
  const char* code = "SYSTEM_ERROR";
  if (error == EADDRINUSE) code = "PORT_IN_USE";
  if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT) code = "ADDRESS_UNAVAILABLE";
  if (error == EACCES || error == EPERM) code = "PERMISSION";
  return Status::fail(code, doing + " failed: " + strerror(error) + ".", error);
}

Status listenOn(const addrinfo& address, const std::string& where, int backlog, int& fd) {
  FileDescriptor file(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!file) return listenFailure("making a socket for " + where, errno);
  const int on = 1, off = 0;
  if (setsockopt(file.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return listenFailure("preparing " + where, errno);
  // As in Node: "::" takes IPv4 connections too.
  if (address.ai_family == AF_INET6 && setsockopt(file.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
    return listenFailure("preparing " + where, errno);
  if (bind(file.get(), address.ai_addr, address.ai_addrlen) != 0) return listenFailure("binding " + where, errno);
  if (listen(file.get(), backlog) != 0) return listenFailure("listening on " + where, errno);
  fd = file.release();
  return Status::ok();
}

}  // namespace

Status listenTcp(const std::string& host, uint16_t port, int backlog, int& fd) {
  const std::string service = std::to_string(port);
  const std::vector<std::string> names = host.empty() ? std::vector<std::string>{"::", "0.0.0.0"} : std::vector<std::string>{host};
  for (const std::string& name : names) {
    addrinfo hints = {};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(name.c_str(), service.c_str(), &hints, &found);
    if (error != 0) return Status::fail("ADDRESS_UNAVAILABLE", "host \"" + name + "\" is not known: " + gai_strerror(error) + ".");
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
    Status status = listenOn(*found, name + " port " + service, backlog, fd);
    // A machine without IPv6 still listens on every IPv4 address.
    const bool tryNext = host.empty() && name == "::" && !status.isOk() && std::string(status.code()) == "ADDRESS_UNAVAILABLE";
    if (!tryNext) return status;
  }
  return Status::fail("ADDRESS_UNAVAILABLE", "this machine has no address to listen on.");
}

Status listenUnix(const std::string& path, int backlog, int& fd) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Status::fail("INVALID_ARGUMENT", "the path of a unix socket has 1 to 107 bytes.", EINVAL);
  memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor file(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!file) return listenFailure("making a socket for " + path, errno);
  // An abstract name begins with a zero byte and ends without one.
  const socklen_t length = socklen_t(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == 0 ? 0 : 1));
  if (bind(file.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return listenFailure("binding " + path, errno);
  if (listen(file.get(), backlog) != 0) return listenFailure("listening on " + path, errno);
  fd = file.release();
  return Status::ok();
}

Status boundPort(int fd, uint16_t& port) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return listenFailure("asking for a socket's port", errno);
  if (address.ss_family == AF_INET) port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  else if (address.ss_family == AF_INET6) port = ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  else return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(fd) + " is no TCP socket.");
  return Status::ok();
}

}  // namespace mofo
