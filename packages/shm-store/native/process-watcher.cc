#include "process-watcher.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace mofo {

namespace {

/** Number of the event that ends the thread; watches count from 1. */
constexpr uint64_t STOP = 0;
constexpr int EVENTS_MAX = 16;

Status failure(const std::string& doing, int error) {
  return Status::fail("SYSTEM_ERROR", doing + " failed: " + strerror(error) + ".", error);
}

bool addTo(int epoll, int fd, uint64_t number) {
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = number;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

ProcessWatcher::ProcessWatcher(Napi::Env env) : env_(env) {}

Status ProcessWatcher::start() {
  if (isRunning_) return Status::ok();
  epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  stopEvent_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  if (!epoll_ || !stopEvent_ || !addTo(epoll_.get(), stopEvent_.get(), STOP)) return failure("preparing to watch processes", errno);
  const napi_value name = Napi::String::New(env_, "mofo.processWatcher");
  if (napi_create_threadsafe_function(env_, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, onReport, &report_) != napi_ok)
    return Status::fail("EXITING", "the environment is ending and takes no calls from a thread any more.");
  napi_unref_threadsafe_function(env_, report_);
  // Signals are for the threads of Node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread_, nullptr, poll, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    napi_release_threadsafe_function(report_, napi_tsfn_abort);
    return failure("starting the thread that watches processes", error);
  }
  isRunning_ = true;
  // Hooks run last in, first out: this one before that of the function made above.
  napi_add_env_cleanup_hook(env_, onEnvironmentEnd, this);
  return Status::ok();
}

void ProcessWatcher::stop() {
  if (!isRunning_) return;
  isRunning_ = false;
  const uint64_t one = 1;
  while (write(stopEvent_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  pthread_join(thread_, nullptr);
  napi_release_threadsafe_function(report_, napi_tsfn_abort);
}

void ProcessWatcher::onEnvironmentEnd(void* watcher) { static_cast<ProcessWatcher*>(watcher)->stop(); }

Status ProcessWatcher::watch(FileDescriptor pidfd, Napi::Function onExit, uint32_t& number) {
  Status status = start();
  if (!status.isOk()) return status;
  number = ++lastNumber_;
  Watch watch{std::move(pidfd), Napi::Persistent(onExit)};
  if (!addTo(epoll_.get(), watch.pidfd.get(), number)) return failure("watching a process", errno);
  if (watches_.empty()) napi_ref_threadsafe_function(env_, report_);
  watches_.emplace(number, std::move(watch));
  return Status::ok();
}

void ProcessWatcher::unwatch(uint32_t number) {
  // Closing the pidfd takes it out of the epoll set. A report on its way finds nothing under its number.
  if (watches_.erase(number) != 0 && watches_.empty()) napi_unref_threadsafe_function(env_, report_);
}

void* ProcessWatcher::poll(void* watcher) {
  const int epoll = static_cast<ProcessWatcher*>(watcher)->epoll_.get();
  const napi_threadsafe_function report = static_cast<ProcessWatcher*>(watcher)->report_;
  epoll_event events[EVENTS_MAX];
  while (true) {
    const int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) return nullptr;
    for (int i = 0; i < count; i++) {
      if (events[i].data.u64 == STOP) return nullptr;
      // Refused only when the environment is ending: nobody is left to be told.
      if (napi_call_threadsafe_function(report, reinterpret_cast<void*>(uintptr_t(events[i].data.u64)), napi_tsfn_nonblocking) != napi_ok)
        return nullptr;
    }
  }
}

void ProcessWatcher::onReport(napi_env env, napi_value, void* context, void* number) {
  if (env == nullptr) return;
  auto* self = static_cast<ProcessWatcher*>(context);
  const auto found = self->watches_.find(uint32_t(reinterpret_cast<uintptr_t>(number)));
  if (found == self->watches_.end()) return;
  const Napi::HandleScope scope(env);
  const Napi::Function onExit = found->second.onExit.Value();
  self->unwatch(found->first);
  onExit.Call({});
}

}  // namespace mofo
