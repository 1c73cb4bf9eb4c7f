#include "thread-report.h"

#include <memory>

namespace mofo {

Status ThreadReport::open(Napi::Function callback, const char* name, bool keepsAlive) {
  const napi_value resource = Napi::String::New(env_, name);
  if (napi_create_threadsafe_function(env_, callback, nullptr, resource, 0, 1, nullptr, nullptr, this, deliver, &function_) != napi_ok) {
    function_ = nullptr;
    return Status::fail("EXITING", "the environment is ending and takes no calls from a thread any more.");
  }
  if (!keepsAlive) napi_unref_threadsafe_function(env_, function_);
  napi_add_env_cleanup_hook(env_, onEnvironmentEnd, this);
  return Status::ok();
}

void ThreadReport::close() {
  if (function_ == nullptr) return;
  napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
  stopThread_();
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
  function_ = nullptr;
}

void ThreadReport::send(Deliver deliver) {
  auto payload = std::make_unique<Deliver>(std::move(deliver));
  // Refused only when the environment is ending: nobody is left to be told.
  if (napi_call_threadsafe_function(function_, payload.get(), napi_tsfn_nonblocking) == napi_ok) (void)payload.release();
}

void ThreadReport::deliver(napi_env env, napi_value callback, void*, void* data) {
  const std::unique_ptr<Deliver> payload(static_cast<Deliver*>(data));
  if (env == nullptr || callback == nullptr) return;
  (*payload)(Napi::Env(env), Napi::Function(env, callback));
  // Left pending, Node would make a warning of it; it is an uncaught exception like that of any other callback.
  bool isPending = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env, &isPending) == napi_ok && isPending && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}

}  // namespace mofo
