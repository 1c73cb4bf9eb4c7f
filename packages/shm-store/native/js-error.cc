#include "js-error.h"

#include "addon-data.h"

namespace mofo {

void throwStatus(Napi::Env env, const Status& status) {
  if (env.IsExceptionPending()) return;
  const Napi::HandleScope scope(env);
  AddonData* data = env.GetInstanceData<AddonData>();
  if (data != nullptr && !data->errorFactory.IsEmpty()) {
    const Napi::Value error = data->errorFactory.Call({Napi::String::New(env, status.code()), Napi::String::New(env, status.detail()),
                                                       Napi::Number::New(env, status.error())});
    // An exception of its own (termination) is pending then, and is what the caller sees.
    if (!env.IsExceptionPending() && error.IsObject()) napi_throw(env, error);
    return;
  }
  const Napi::Error error = Napi::Error::New(env, status.detail());
  error.Set("code", Napi::String::New(env, status.code()));
  error.Set("errno", Napi::Number::New(env, status.error()));
  error.ThrowAsJavaScriptException();
}

}  // namespace mofo
