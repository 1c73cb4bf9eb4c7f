#include "binding-process.h"

#include <climits>
#include "addon-data.h"
#include "arguments.h"
#include "js-error.h"
#include "listen.h"
#include "process.h"
#include "sd-notify.h"

namespace mofo {

namespace {

Napi::Value processStartTime(const Napi::CallbackInfo& info) {
  int64_t pid = 0, tid = 0;
  if (!readInteger(info, 0, 1, INT_MAX, pid) || !readInteger(info, 1, 0, INT_MAX, tid)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), double(threadStartTime(uint32_t(pid), uint32_t(tid))));
}

Napi::Value killProcess(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t pid = 0, startTime = 0, signal = 0;
  if (!readInteger(info, 0, 1, INT_MAX, pid) || !readInteger(info, 1, 0, EXACT_MAX, startTime) || !readInteger(info, 2, 0, 64, signal))
    return env.Undefined();
  bool sent = false;
  if (!throwUnlessOk(env, signalProcess(uint32_t(pid), startTime, int(signal), sent))) return env.Undefined();
  return Napi::Boolean::New(env, sent);
}

Napi::Value watchProcess(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t pid = 0, startTime = 0;
  if (!readInteger(info, 0, 1, INT_MAX, pid) || !readInteger(info, 1, 0, EXACT_MAX, startTime)) return env.Undefined();
  if (info.Length() != 3 || !info[2].IsFunction()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "watchProcess takes a pid, a start time and a function."));
    return env.Undefined();
  }
  FileDescriptor pidfd;
  if (!throwUnlessOk(env, openProcess(uint32_t(pid), startTime, pidfd))) return env.Undefined();
  uint32_t number = 0;
  if (pidfd) {
    AddonData* data = env.GetInstanceData<AddonData>();
    if (data->watcher == nullptr) data->watcher = std::make_unique<ProcessWatcher>(env);
    if (!throwUnlessOk(env, data->watcher->watch(std::move(pidfd), info[2].As<Napi::Function>(), number))) return env.Undefined();
  }
  return Napi::Number::New(env, number);
}

Napi::Value unwatchProcess(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t number = 0;
  if (!readInteger(info, 0, 0, UINT_MAX, number)) return env.Undefined();
  AddonData* data = env.GetInstanceData<AddonData>();
  if (data->watcher != nullptr) data->watcher->unwatch(uint32_t(number));
  return env.Undefined();
}

Napi::Value limitCoreDumpOfProcess(const Napi::CallbackInfo& info) {
  throwUnlessOk(info.Env(), limitCoreDump());
  return info.Env().Undefined();
}

Napi::Value listenOnTcp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t port = 0, backlog = 0;
  if (!readInteger(info, 1, 0, 65535, port) || !readInteger(info, 2, 1, INT_MAX, backlog)) return env.Undefined();
  if (!info[0].IsString()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "the host must be a string."));
    return env.Undefined();
  }
  int fd = -1;
  if (!throwUnlessOk(env, listenTcp(info[0].As<Napi::String>().Utf8Value(), uint16_t(port), int(backlog), fd))) return env.Undefined();
  return Napi::Number::New(env, fd);
}

Napi::Value listenOnUnix(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t backlog = 0;
  if (!readInteger(info, 1, 1, INT_MAX, backlog)) return env.Undefined();
  if (!info[0].IsString()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "the path must be a string."));
    return env.Undefined();
  }
  int fd = -1;
  if (!throwUnlessOk(env, listenUnix(info[0].As<Napi::String>().Utf8Value(), int(backlog), fd))) return env.Undefined();
  return Napi::Number::New(env, fd);
}

Napi::Value notifyServiceManager(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[1].IsString()) throwStatus(env, Status::fail("INVALID_ARGUMENT", "socket and state must be strings."));
  else throwUnlessOk(env, notifyService(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value()));
  return env.Undefined();
}

Napi::Value boundPortOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t fd = 0;
  if (!readInteger(info, 0, 0, INT_MAX, fd)) return env.Undefined();
  uint16_t port = 0;
  if (!throwUnlessOk(env, boundPort(int(fd), port))) return env.Undefined();
  return Napi::Number::New(env, port);
}

}  // namespace

void exportProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("processStartTime", Napi::Function::New<processStartTime>(env, "processStartTime"));
  exports.Set("killProcess", Napi::Function::New<killProcess>(env, "killProcess"));
  exports.Set("watchProcess", Napi::Function::New<watchProcess>(env, "watchProcess"));
  exports.Set("unwatchProcess", Napi::Function::New<unwatchProcess>(env, "unwatchProcess"));
  exports.Set("limitCoreDump", Napi::Function::New<limitCoreDumpOfProcess>(env, "limitCoreDump"));
  exports.Set("listenTcp", Napi::Function::New<listenOnTcp>(env, "listenTcp"));
  exports.Set("listenUnix", Napi::Function::New<listenOnUnix>(env, "listenUnix"));
  exports.Set("notifyService", Napi::Function::New<notifyServiceManager>(env, "notifyService"));
  exports.Set("boundPort", Napi::Function::New<boundPortOf>(env, "boundPort"));
}

}  // namespace mofo
