// The shipped addon with the prefix engine beside it: built by journal/soak/lib, where every unit of the addon is compiled with the store hook and
// binding.cc's entry point is renamed to mofo_register.
#include <napi.h>
#include <memory>
#include "prefix-engine.h"
#include "../native-store.h"

extern "C" napi_value mofo_register(napi_env env, napi_value exports);

namespace {

using mofo::prefix::Engine;
using mofo::prefix::Meaning;
using mofo::prefix::Options;
using mofo::prefix::Report;

template <typename T>
T* dataOf(const Napi::Value& value) { return static_cast<T*>(value.As<Napi::ArrayBuffer>().Data()); }

class PrefixEngine : public Napi::ObjectWrap<PrefixEngine> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PrefixEngine",
                       {InstanceMethod<&PrefixEngine::start>("start"), InstanceMethod<&PrefixEngine::stop>("stop"),
                        InstanceMethod<&PrefixEngine::tryAll>("tryAll"), InstanceMethod<&PrefixEngine::cuts>("cuts"),
                        InstanceMethod<&PrefixEngine::old>("old"), InstanceMethod<&PrefixEngine::placeOf>("placeOf"),
                        InstanceAccessor<&PrefixEngine::log>("log")});
  }

  /** `new PrefixEngine(nativeStore)` */
  explicit PrefixEngine(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PrefixEngine>(info) {
    mofo::NativeStore* store = Napi::ObjectWrap<mofo::NativeStore>::Unwrap(info[0].As<Napi::Object>());
    view_ = store->view();
    engine_ = std::make_unique<Engine>(view_);
  }

 private:
  Napi::Value start(const Napi::CallbackInfo& info) {
    engine_->start();
    return info.Env().Undefined();
  }
  Napi::Value stop(const Napi::CallbackInfo& info) {
    engine_->stop();
    return info.Env().Undefined();
  }
  /** The log, shared. The engine must outlive it. */
  Napi::Value log(const Napi::CallbackInfo& info) { return Napi::ArrayBuffer::New(info.Env(), engine_->log(), engine_->logBytes()); }
  /** A copy of main at start(). */
  Napi::Value old(const Napi::CallbackInfo& info) {
    Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(info.Env(), view_.sizeBytes);
    std::memcpy(copy.Data(), engine_->old(), view_.sizeBytes);
    return copy;
  }
  /** [segment, offset] of an ArrayBuffer over the store. */
  Napi::Value placeOf(const Napi::CallbackInfo& info) {
    const uint8_t* at = dataOf<uint8_t>(info[0]);
    Napi::Array place = Napi::Array::New(info.Env(), 2);
    const bool inMain = at >= view_.main && at < view_.main + view_.sizeBytes;
    place.Set(0u, inMain ? 0 : 1);
    place.Set(1u, double(at - (inMain ? view_.main : view_.control)));
    return place;
  }
  /** (old, next, visibleOld, visibleNext, statesMax, recoveryCuts, seed, commits) */
  Napi::Value tryAll(const Napi::CallbackInfo& info) {
    const Meaning meaning{dataOf<uint8_t>(info[0]), dataOf<uint8_t>(info[1]), dataOf<uint8_t>(info[2]), dataOf<uint8_t>(info[3])};
    Options options;
    options.statesMax = info[4].As<Napi::Number>().Uint32Value();
    options.recoveryCuts = info[5].As<Napi::Number>().Uint32Value();
    options.seed = info[6].As<Napi::Number>().Uint32Value();
    options.commits = info[7].As<Napi::Boolean>().Value();
    const Report report = engine_->tryAll(meaning, options);
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("states", double(report.states));
    result.Set("recoveryStates", double(report.recoveryStates));
    result.Set("stores", double(report.stores));
    Napi::Array problems = Napi::Array::New(info.Env());
    for (const std::string& problem : report.problems) problems.Set(problems.Length(), problem);
    result.Set("problems", problems);
    return result;
  }
  /** { native: { "file:line": count }, script: { number: count } }: how often the run ended with the site's store. */
  Napi::Value cuts(const Napi::CallbackInfo& info) {
    Napi::Object native = Napi::Object::New(info.Env()), script = Napi::Object::New(info.Env());
    const std::vector<std::string> names = Engine::sites();
    for (uint32_t number = 0; number < engine_->nativeCuts().size(); number++)
      if (engine_->nativeCuts()[number] != 0) native.Set(names[number], double(engine_->nativeCuts()[number]));
    for (uint32_t number = 0; number < engine_->cuts().size(); number++)
      if (engine_->cuts()[number] != 0) script.Set(number, double(engine_->cuts()[number]));
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("native", native);
    result.Set("script", script);
    return result;
  }

  mofo::StoreView view_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value result = mofo_register(env, exports);
  Napi::Object(env, result).Set("PrefixEngine", PrefixEngine::define(env));
  return result;
}
