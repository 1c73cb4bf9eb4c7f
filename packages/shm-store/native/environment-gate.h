// Lets a JavaScript thread that sleeps in a native wait notice that it is being ended.
//
// A worker that is terminated, also by process.exit() of the main thread, is only asked to stop: V8 looks at the request when
// JavaScript runs next, and until then whoever waits for the worker hangs (R9). So between two slices of a wait the gate runs an empty
// script, which fails exactly if the thread must end; the exception it leaves behind is what the caller's JavaScript ends with.
#pragma once
#include <napi.h>
#include "lock.h"

namespace mofo {

class EnvironmentGate final : public WaitGate {
 public:
  EnvironmentGate(napi_env env, const std::atomic<bool>& exiting) : env_(env), exiting_(exiting) {}

  bool mustLeave() override {
    if (exiting_.load(std::memory_order_relaxed)) return true;
    const Napi::HandleScope scope(env_);
    napi_value script, result;
    return napi_create_string_utf8(env_, "0", 1, &script) != napi_ok || napi_run_script(env_, script, &result) != napi_ok;
  }

 private:
  napi_env env_;
  const std::atomic<bool>& exiting_;
};

}  // namespace mofo
