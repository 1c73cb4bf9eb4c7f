// Tells JavaScript when processes end: one native thread per environment, made with the first watch, polls all pidfds. The event loop stays alive
// while something is watched.
#pragma once
#include <napi.h>
#include <pthread.h>
#include <cstdint>
#include <map>
#include "file-descriptor.h"
#include "status.h"

namespace mofo {

class ProcessWatcher {
 public:
  explicit ProcessWatcher(Napi::Env env);
  ~ProcessWatcher() { stop(); }
  ProcessWatcher(const ProcessWatcher&) = delete;
  ProcessWatcher& operator=(const ProcessWatcher&) = delete;

  /** Calls `onExit` once when the process behind `pidfd` ends. JavaScript thread only, as everything below. */
  Status watch(FileDescriptor pidfd, Napi::Function onExit, uint32_t& number);
  /** Forgets a watch; unknown numbers are ignored, because a watch ends by itself too. */
  void unwatch(uint32_t number);

 private:
  struct Watch {
    FileDescriptor pidfd;
    Napi::FunctionReference onExit;
  };

  Status start();
  /** Ends and joins the thread. Run as a clean-up hook too, before the environment takes the function away that the thread calls. */
  void stop();
  static void onEnvironmentEnd(void* watcher);
  /** The thread: reports the numbers of watches whose process has ended. */
  static void* poll(void* watcher);
  static void onReport(napi_env env, napi_value function, void* watcher, void* number);

  Napi::Env env_;
  FileDescriptor epoll_, stopEvent_;
  napi_threadsafe_function report_ = nullptr;
  pthread_t thread_ = {};
  bool isRunning_ = false;
  std::map<uint32_t, Watch> watches_;
  uint32_t lastNumber_ = 0;
};

}  // namespace mofo
