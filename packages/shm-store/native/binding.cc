// The addon's entry: one set of exports and data per environment. Arguments are unpacked and results packed here and in the other
// binding-*.cc files; what they do is in files that know nothing of JavaScript.
#include <napi.h>
#include "addon-data.h"
#include "binding-connections.h"
#include "binding-image.h"
#include "binding-process.h"
#include "destroy.h"
#include "js-error.h"
#include "list.h"
#include "memory-limit.h"
#include "native-store.h"

namespace mofo {

namespace {

Napi::Value setErrorFactory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsFunction()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "setErrorFactory takes a function."));
    return env.Undefined();
  }
  env.GetInstanceData<AddonData>()->errorFactory = Napi::Persistent(info[0].As<Napi::Function>());
  return env.Undefined();
}

Napi::Value destroyStore(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsString() || !info[1].IsBoolean()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "destroyStore takes a name and whether to force it."));
    return env.Undefined();
  }
  bool existed = false;
  const Status status = destroySegments(SHM_DIRECTORY, info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::Boolean>(), existed);
  if (!throwUnlessOk(env, status)) return env.Undefined();
  return Napi::Boolean::New(env, existed);
}

Napi::Object toObject(Napi::Env env, const AttachedThread& thread) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("slot", thread.slot);
  object.Set("pid", thread.pid);
  object.Set("tid", thread.tid);
  object.Set("role", thread.role);
  object.Set("startTime", thread.startTime);
  object.Set("alive", thread.alive);
  return object;
}

Napi::Object toObject(Napi::Env env, const StoreListing& listing) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", listing.name);
  object.Set("state", listing.state);
  object.Set("sizeBytes", double(listing.sizeBytes));
  object.Set("reservedBytes", double(listing.reservedBytes));
  object.Set("backedBytes", double(listing.backedBytes));
  Napi::Array attached = Napi::Array::New(env);
  for (const AttachedThread& thread : listing.attached) attached.Set(attached.Length(), toObject(env, thread));
  object.Set("attached", attached);
  object.Set("rolePid", listing.rolePid);
  return object;
}

Napi::Value listStores(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<StoreListing> listings;
  if (!throwUnlessOk(env, listSegments(SHM_DIRECTORY, listings))) return env.Undefined();
  Napi::Array result = Napi::Array::New(env);
  for (const StoreListing& listing : listings) result.Set(result.Length(), toObject(env, listing));
  return result;
}

Napi::Value findStore(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsString()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "findStore takes a name."));
    return env.Undefined();
  }
  StoreListing listing;
  bool isThere = false;
  if (!throwUnlessOk(env, findSegments(SHM_DIRECTORY, info[0].As<Napi::String>().Utf8Value(), listing, isThere)) || !isThere) return env.Undefined();
  return toObject(env, listing);
}

Napi::Value availableMemory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsString() || !info[1].IsString()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "availableMemoryBytes takes the folders of proc and cgroup."));
    return env.Undefined();
  }
  const MemoryRoots roots{info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value()};
  return Napi::Number::New(env, double(availableMemoryBytes(roots)));
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
  exports.Set("NativeStore", NativeStore::define(env));
  exports.Set("setErrorFactory", Napi::Function::New<setErrorFactory>(env, "setErrorFactory"));
  exports.Set("destroyStore", Napi::Function::New<destroyStore>(env, "destroyStore"));
  exports.Set("findStore", Napi::Function::New<findStore>(env, "findStore"));
  exports.Set("listStores", Napi::Function::New<listStores>(env, "listStores"));
  exports.Set("availableMemoryBytes", Napi::Function::New<availableMemory>(env, "availableMemoryBytes"));
  exportImage(env, exports);
  exportProcess(env, exports);
  exportConnections(env, exports);
  return exports;
}

NODE_API_MODULE(shm_store, init)

}  // namespace mofo
