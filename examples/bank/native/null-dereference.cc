// An addon with the oldest bug there is: it writes through a null pointer. The demo loads it from a bad version of a module.
#include <node_api.h>

static napi_value crash(napi_env, napi_callback_info) {
  volatile int* volatile nothing = nullptr;
  *nothing = 1;
  return nullptr;
}

static napi_value init(napi_env env, napi_value exports) {
  napi_value function;
  if (napi_create_function(env, "crash", NAPI_AUTO_LENGTH, crash, nullptr, &function) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "crash", function) != napi_ok) return nullptr;
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
