#include "connection-hub.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mofo {

namespace {

constexpr uint64_t WAKE_KEY = 1, FIRST_PROCESS_KEY = 2;
/** Keys of listening sockets have this bit, and their number below it. */
constexpr uint64_t LISTEN_KEY = uint64_t(1) << 63;
constexpr int EVENTS_MAX = 64;
/** Connections accepted in one go, so that those who wait for a message are not starved. */
constexpr int ACCEPT_BATCH = 64;
/** Until it is tried again when the system has no room for a descriptor, which nothing reports the end of. */
constexpr int RETRY_MS = 20;
/** A slot rests while so many others are used again. */
constexpr size_t REUSE_AFTER = 64;

Status failure(const char* doing) { return Status::fail("SYSTEM_ERROR", std::string(doing) + " failed: " + strerror(errno) + ".", errno); }

bool watchFor(int epoll, int operation, int fd, uint32_t events, uint64_t key) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = key;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

Status ConnectionHub::start(uint32_t slotCount) {
  Status status = table_.create(slotCount);
  if (!status.isOk()) return status;
  epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  wake_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !wake_) return failure("preparing to accept connections");
  lastKey_ = FIRST_PROCESS_KEY;
  // Larger than those of launchers before, so that what was noted of their connections is not taken for ours.
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  lastNumber_ = uint64_t(now.tv_sec) * 1000000 + uint64_t(now.tv_nsec) / 1000;
  if (!watchFor(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), EPOLLIN, WAKE_KEY)) return failure("preparing to accept connections");
  accepts_ = true;
  // Signals are for the threads of Node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread_, nullptr, run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return Status::fail("SYSTEM_ERROR", "starting the thread that accepts connections failed.", error);
  isRunning_ = true;
  return Status::ok();
}

Status ConnectionHub::addListener(int listenFd, uint32_t& listener) {
  if (!isRunning_) return Status::fail("CLOSED", "no connections are accepted any more.");
  int isListening = 0;
  socklen_t length = sizeof isListening;
  if (getsockopt(listenFd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) != 0 || isListening == 0)
    return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(listenFd) + " does not listen.");
  const int flags = fcntl(listenFd, F_GETFL);
  if (flags < 0 || fcntl(listenFd, F_SETFL, flags | O_NONBLOCK) != 0) return failure("preparing the listening socket");
  const std::lock_guard<std::mutex> lock(listening_);
  listener = uint32_t(listeners_.size());
  if (!watchFor(epoll_.get(), EPOLL_CTL_ADD, listenFd, accepts_ ? uint32_t(EPOLLIN) : 0, LISTEN_KEY | listener))
    return failure("preparing to accept connections");
  listeners_.push_back(listenFd);
  return Status::ok();
}

Status ConnectionHub::removeListener(uint32_t listener) {
  const std::lock_guard<std::mutex> lock(listening_);
  if (listener >= listeners_.size() || listeners_[listener] < 0)
    return Status::fail("INVALID_ARGUMENT", "there is no listening socket " + std::to_string(listener) + " here.");
  if (isRunning_) (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listeners_[listener], nullptr);
  listeners_[listener] = -1;
  return Status::ok();
}

Status ConnectionHub::addProcess(FileDescriptor& end) {
  if (!isRunning_) return Status::fail("CLOSED", "no connections are accepted any more.");
  FileDescriptor ours;
  const Status status = makeChannel(ours, end);
  if (!status.isOk()) return status;
  {
    const std::lock_guard<std::mutex> lock(joining_);
    joined_.push_back(std::move(ours));
  }
  eventfd_write(wake_.get(), 1);
  return Status::ok();
}

void ConnectionHub::stop() {
  if (!isRunning_) return;
  {
    const std::lock_guard<std::mutex> lock(joining_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  pthread_join(thread_, nullptr);
  isRunning_ = false;
  held_.clear();
  processes_.clear();
  heldCount_ = 0;
}

void* ConnectionHub::run(void* hub) {
  static_cast<ConnectionHub*>(hub)->loop();
  return nullptr;
}

void ConnectionHub::loop() {
  epoll_event events[EVENTS_MAX];
  while (true) {
    const int count = epoll_wait(epoll_.get(), events, EVENTS_MAX, mustRetry_ ? RETRY_MS : -1);
    if (count < 0 && errno != EINTR) return;
    {
      const std::lock_guard<std::mutex> lock(joining_);
      if (stopping_) return;
    }
    const bool wasWaiting = mustRetry_;
    if (wasWaiting) {
      mustRetry_ = false;
      const std::lock_guard<std::mutex> lock(listening_);
      setAccepting(hasFreeSlot());
    }
    if (wasWaiting) {
      for (auto& [key, process] : processes_)
        if (!process.waiting.empty()) flush(key, process);
    }
    for (int i = 0; i < count; i++) {
      const uint64_t key = events[i].data.u64;
      if (key == WAKE_KEY) {
        admitProcesses();
      } else if ((key & LISTEN_KEY) != 0) {
        accept(uint32_t(key & ~LISTEN_KEY));
      } else {
        const auto found = processes_.find(key);
        if (found == processes_.end()) continue;
        if ((events[i].events & EPOLLOUT) != 0) flush(key, found->second);
        // Also at its end: what it had said before is read first.
        if ((events[i].events & ~uint32_t(EPOLLOUT)) != 0) receive(key);
      }
    }
  }
}

void ConnectionHub::admitProcesses() {
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
  std::vector<FileDescriptor> joined;
  {
    const std::lock_guard<std::mutex> lock(joining_);
    joined.swap(joined_);
  }
  for (FileDescriptor& channel : joined) {
    const uint64_t key = lastKey_++;
    Process& process = processes_[key];
    process.channel = std::move(channel);
    if (!watchFor(epoll_.get(), EPOLL_CTL_ADD, process.channel.get(), EPOLLIN, key)) {
      processes_.erase(key);
      continue;
    }
    for (const auto& [number, held] : held_) process.waiting.push_back({ConnectionMessage::Opened, held.slot, number});
    flush(key, process);
  }
}

void ConnectionHub::accept(uint32_t listener) {
  const std::lock_guard<std::mutex> lock(listening_);
  const int listenFd = listeners_[listener];
  // Removed after the event that told of a connection.
  if (listenFd < 0) return;
  for (int i = 0; i < ACCEPT_BATCH; i++) {
    if (!hasFreeSlot()) {
      setAccepting(false);
      return;
    }
    FileDescriptor fd(accept4(listenFd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EAGAIN) return;
      // Gone before it was accepted.
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
      // No room for a descriptor: it waits in the listening socket.
      setAccepting(false);
      mustRetry_ = true;
      return;
    }
    hold(std::move(fd), listener);
  }
}

void ConnectionHub::hold(FileDescriptor fd, uint32_t listener) {
  // As Node's HTTP server has it.
  const int on = 1;
  (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const uint32_t slot = takeSlot();
  const uint64_t number = ++lastNumber_;
  table_.slot(slot)->listener = listener;
  beginConnection(*table_.slot(slot), number);
  held_.emplace(number, Held{std::move(fd), slot});
  __atomic_store_n(&heldCount_, uint32_t(held_.size()), __ATOMIC_RELAXED);
  for (auto& [key, process] : processes_) push(key, process, {ConnectionMessage::Opened, slot, number});
}

uint32_t ConnectionHub::takeSlot() {
  if (unusedSlot_ < table_.slotCount() && freeSlots_.size() < REUSE_AFTER) return unusedSlot_++;
  const uint32_t slot = freeSlots_.front();
  freeSlots_.pop_front();
  return slot;
}

void ConnectionHub::receive(uint64_t key) {
  const auto found = processes_.find(key);
  if (found == processes_.end()) return;
  ConnectionMessage message;
  FileDescriptor stray;
  while (true) {
    const Transfer transfer = receiveMessage(found->second.channel.get(), message, stray);
    if (transfer == Transfer::Later) return;
    if (transfer == Transfer::Ended) {
      processes_.erase(key);
      return;
    }
    if (message.kind == ConnectionMessage::Close) close(message.number, key);
  }
}

void ConnectionHub::close(uint64_t number, uint64_t from) {
  const auto found = held_.find(number);
  if (found == held_.end()) return;
  const uint32_t slot = found->second.slot;
  held_.erase(found);
  __atomic_store_n(&heldCount_, uint32_t(held_.size()), __ATOMIC_RELAXED);
  freeSlots_.push_back(slot);
  {
    const std::lock_guard<std::mutex> lock(listening_);
    setAccepting(true);
  }
  for (auto& [key, process] : processes_) {
    // Who has not heard of it yet never will.
    if (key != from && number <= process.toldUpTo) push(key, process, {ConnectionMessage::Closed, slot, number});
  }
}

void ConnectionHub::push(uint64_t key, Process& process, const ConnectionMessage& message) {
  process.waiting.push_back(message);
  if (!process.isBlocked) return flush(key, process);
  // A process that takes nothing, as a stopped one: what is over already need not wait for it.
  if (process.waiting.size() <= 2 * size_t(table_.slotCount())) return;
  const auto isOver = [this](const ConnectionMessage& one) { return one.kind == ConnectionMessage::Opened && held_.count(one.number) == 0; };
  process.waiting.erase(std::remove_if(process.waiting.begin(), process.waiting.end(), isOver), process.waiting.end());
}

/** Sends what waits for a process. */
void ConnectionHub::flush(uint64_t key, Process& process) {
  const bool wasBlocked = process.isBlocked;
  process.isBlocked = false;
  while (!process.waiting.empty()) {
    const ConnectionMessage& message = process.waiting.front();
    int fd = -1;
    if (message.kind == ConnectionMessage::Opened) {
      const auto held = held_.find(message.number);
      // Over before this process heard of it.
      if (held == held_.end()) {
        process.waiting.pop_front();
        continue;
      }
      fd = held->second.fd.get();
    }
    const Transfer transfer = sendMessage(process.channel.get(), message, fd);
    if (transfer == Transfer::Ended) {
      // What it had said is read first; its end comes with that.
      process.waiting.clear();
      process.isBlocked = true;
      break;
    }
    if (transfer == Transfer::Later) {
      process.isBlocked = true;
      // Descriptors under way are limited too, and nobody is told when there is room again.
      mustRetry_ = true;
      break;
    }
    if (message.kind == ConnectionMessage::Opened) process.toldUpTo = message.number;
    process.waiting.pop_front();
  }
  if (process.isBlocked != wasBlocked) setWatch(key, process);
}

void ConnectionHub::setWatch(uint64_t key, const Process& process) {
  const bool awaitsRoom = process.isBlocked && !process.waiting.empty();
  (void)watchFor(epoll_.get(), EPOLL_CTL_MOD, process.channel.get(), EPOLLIN | (awaitsRoom ? uint32_t(EPOLLOUT) : 0), key);
}

/** Only with `listening_` held. */
void ConnectionHub::setAccepting(bool accepts) {
  if (accepts == accepts_) return;
  accepts_ = accepts;
  for (size_t i = 0; i < listeners_.size(); i++)
    if (listeners_[i] >= 0) (void)watchFor(epoll_.get(), EPOLL_CTL_MOD, listeners_[i], accepts ? uint32_t(EPOLLIN) : 0, LISTEN_KEY | i);
}

}  // namespace mofo
