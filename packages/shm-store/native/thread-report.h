// Carries reports from a thread of the addon to a JavaScript callback, and ends that thread before its environment ends.
//
// Clean-up hooks run last in, first out. The hook set here comes after the one that Node sets for the thread-safe function, so the thread is joined
// before the function is gone.
#pragma once
#include <napi.h>
#include <functional>
#include "status.h"

namespace mofo {

class ThreadReport {
 public:
  /** Makes the arguments of one call from what the thread sent; owns the payload. */
  using Deliver = std::function<void(Napi::Env, Napi::Function)>;

  ThreadReport(Napi::Env env, std::function<void()> stopThread) : env_(env), stopThread_(std::move(stopThread)) {}
  ~ThreadReport() { close(); }
  ThreadReport(const ThreadReport&) = delete;
  ThreadReport& operator=(const ThreadReport&) = delete;

  /** `keepsAlive`: whether the environment stays alive for reports to come. */
  Status open(Napi::Function callback, const char* name, bool keepsAlive);
  /** Stops the thread; no call is made after it returns. JavaScript thread only. */
  void close();
  /** Sends a report; from the thread. */
  void send(Deliver deliver);

 private:
  static void deliver(napi_env env, napi_value callback, void* context, void* data);
  static void onEnvironmentEnd(void* report) { static_cast<ThreadReport*>(report)->close(); }

  Napi::Env env_;
  std::function<void()> stopThread_;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace mofo
