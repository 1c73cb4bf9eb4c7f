#include "js-error.h"

#include "addon-data.h"

namespace mofo {

namespace {

bool toValue(napi_env env, const std::string& text, napi_value& value) {
  return napi_create_string_utf8(env, text.data(), text.size(), &value) == napi_ok;
}

}  // namespace

// Plain calls whose failure is ignored, and not the C++ wrappers, which end the process when a thread that is being ended cannot throw any more.
void throwStatus(Napi::Env env, const Status& status) {
  bool isPending = false;
  if (napi_is_exception_pending(env, &isPending) != napi_ok || isPending) return;
  const Napi::HandleScope scope(env);
  napi_value arguments[3], receiver, error;
  if (!toValue(env, status.code(), arguments[0]) || !toValue(env, status.detail(), arguments[1]) ||
      napi_create_int32(env, status.error(), &arguments[2]) != napi_ok || napi_get_undefined(env, &receiver) != napi_ok)
    return;
  const AddonData* data = env.GetInstanceData<AddonData>();
  if (data != nullptr && !data->errorFactory.IsEmpty()) {
    // A failure of its own (termination) is what the caller sees.
    if (napi_call_function(env, receiver, data->errorFactory.Value(), 3, arguments, &error) == napi_ok) napi_throw(env, error);
    return;
  }
  if (napi_create_error(env, arguments[0], arguments[1], &error) != napi_ok) return;
  if (napi_set_named_property(env, error, "errno", arguments[2]) == napi_ok) napi_throw(env, error);
}

}  // namespace mofo
