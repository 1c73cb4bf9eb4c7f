#include "binding-connections.h"

#include <fcntl.h>
#include <uv.h>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include "arguments.h"
#include "connection-desk.h"
#include "connection-hub.h"
#include "io-hooks.h"
#include "js-error.h"

namespace mofo {

namespace {

const char* const FATES[] = {"idle", "fed-again", "finished", "closed", "reset"};
static_assert(sizeof FATES / sizeof *FATES == size_t(Fate::Count), "one name each");
const char* const LOSSES[] = {"none",           "untracked",      "pipelined",      "unreadable", "chunked",    "too-big",
                              "answer-started", "not-repeatable", "answer-missing", "poison",     "unaccounted"};
static_assert(sizeof LOSSES / sizeof *LOSSES == size_t(LossCause::Count), "one name each");
constexpr uint32_t HANDLING_MAX = uint32_t(Handling::AnswerVoid);

Napi::Value countersOf(Napi::Env env, const ConnectionTable& table) {
  const ConnectionTableHead& head = table.head();
  Napi::Object fates = Napi::Object::New(env), losses = Napi::Object::New(env), result = Napi::Object::New(env);
  for (uint32_t i = 0; i < uint32_t(Fate::Count); i++) fates.Set(FATES[i], double(head.fates[i]));
  for (uint32_t i = 1; i < uint32_t(LossCause::Count); i++) losses.Set(LOSSES[i], double(head.losses[i]));
  result.Set("fates", fates);
  result.Set("losses", losses);
  return result;
}

class HubBinding final : public Napi::ObjectWrap<HubBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ConnectionHub",
                       {InstanceAccessor<&HubBinding::tableFd>("tableFd"), InstanceAccessor<&HubBinding::heldCount>("heldCount"),
                        InstanceMethod<&HubBinding::addProcess>("addProcess"), InstanceMethod<&HubBinding::addListener>("addListener"),
                        InstanceMethod<&HubBinding::removeListener>("removeListener"), InstanceMethod<&HubBinding::counters>("counters"),
                        InstanceMethod<&HubBinding::close>("close")});
  }

  explicit HubBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HubBinding>(info) {
    int64_t slotCount = 0;
    if (readInteger(info, 0, 1, CONNECTION_COUNT_MAX, slotCount)) isOpen_ = throwUnlessOk(info.Env(), hub_.start(uint32_t(slotCount)));
  }

 private:
  Napi::Value tableFd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), isOpen_ ? hub_.table().fd() : -1); }
  Napi::Value heldCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), hub_.heldCount()); }
  Napi::Value addProcess(const Napi::CallbackInfo& info) {
    FileDescriptor end;
    if (!throwUnlessOk(info.Env(), hub_.addProcess(end))) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), end.release());
  }
  Napi::Value addListener(const Napi::CallbackInfo& info) {
    int64_t listenFd = 0;
    uint32_t listener = 0;
    if (!readInteger(info, 0, 0, INT_MAX, listenFd)) return info.Env().Undefined();
    if (!throwUnlessOk(info.Env(), hub_.addListener(int(listenFd), listener))) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), listener);
  }
  Napi::Value removeListener(const Napi::CallbackInfo& info) {
    int64_t listener = 0;
    if (readInteger(info, 0, 0, UINT32_MAX, listener)) throwUnlessOk(info.Env(), hub_.removeListener(uint32_t(listener)));
    return info.Env().Undefined();
  }
  Napi::Value counters(const Napi::CallbackInfo& info) {
    return isOpen_ ? countersOf(info.Env(), hub_.table()) : info.Env().Undefined();
  }
  Napi::Value close(const Napi::CallbackInfo& info) {
    hub_.stop();
    return info.Env().Undefined();
  }

  ConnectionHub hub_;
  bool isOpen_ = false;
};

class DeskBinding final : public Napi::ObjectWrap<DeskBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "ConnectionDesk",
        {InstanceAccessor<&DeskBinding::heldCount>("heldCount"), InstanceMethod<&DeskBinding::listen>("listen"),
         InstanceMethod<&DeskBinding::held>("held"), InstanceMethod<&DeskBinding::plan>("plan"), InstanceMethod<&DeskBinding::drop>("drop"),
         InstanceMethod<&DeskBinding::serve>("serve"), InstanceMethod<&DeskBinding::release>("release"), InstanceMethod<&DeskBinding::handOver>("handOver"),
         InstanceMethod<&DeskBinding::listenerOf>("listenerOf"),
         InstanceMethod<&DeskBinding::beginRequest>("beginRequest"), InstanceMethod<&DeskBinding::canCommit>("canCommit"),
         InstanceMethod<&DeskBinding::setHandling>("setHandling"),
         InstanceMethod<&DeskBinding::counters>("counters"), InstanceMethod<&DeskBinding::close>("close")});
  }

  explicit DeskBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DeskBinding>(info), env_(info.Env()) {
    int64_t channelFd = 0, tableFd = 0;
    if (!readInteger(info, 0, 0, INT_MAX, channelFd) || !readInteger(info, 1, 0, INT_MAX, tableFd)) return;
    // A copy of its own: what the caller closes is the caller's business.
    FileDescriptor channel(fcntl(int(channelFd), F_DUPFD_CLOEXEC, 0));
    if (!channel) {
      throwStatus(info.Env(), Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(channelFd) + " is not open.", errno));
      return;
    }
    if (!throwUnlessOk(info.Env(), desk_.open(std::move(channel), int(tableFd)))) return;
    isOpen_ = startPolling();
  }
  ~DeskBinding() override { stopPolling(); }

 private:
  /** The handle outlives this object until the loop has closed it. */
  struct Poll {
    uv_poll_t* handle;
    DeskBinding* desk;
    napi_async_cleanup_hook_handle cleanUp;
  };

  bool startPolling() {
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env_, &loop) != napi_ok) return refuse("this environment has no event loop.");
    // The library says how large a handle is, so that this addon runs with later ones too.
    auto* handle = static_cast<uv_poll_t*>(calloc(1, uv_handle_size(UV_POLL)));
    if (handle == nullptr || uv_poll_init(loop, handle, desk_.channel()) != 0) {
      free(handle);
      return refuse("the channel cannot be watched.");
    }
    poll_ = new Poll{handle, this, nullptr};
    uv_handle_set_data(asHandle(handle), poll_);
    // The event loop need not go on for it: a process lives for other reasons.
    uv_unref(asHandle(handle));
    if (napi_add_async_cleanup_hook(env_, onEnvironmentEnd, poll_, &poll_->cleanUp) != napi_ok) poll_->cleanUp = nullptr;
    watchFor(false);
    return true;
  }

  void stopPolling() {
    if (poll_ == nullptr) return;
    poll_->desk = nullptr;
    uv_poll_stop(poll_->handle);
    uv_close(asHandle(poll_->handle), onClosed);
    poll_ = nullptr;
    desk_.close();
  }

  static void onEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) {
    auto* poll = static_cast<Poll*>(data);
    if (poll->desk != nullptr) poll->desk->stopPolling();
  }

  static void onClosed(uv_handle_t* handle) {
    auto* poll = static_cast<Poll*>(uv_handle_get_data(handle));
    if (poll->cleanUp != nullptr) napi_remove_async_cleanup_hook(poll->cleanUp);
    delete poll;
    free(handle);
  }

  static void onPoll(uv_poll_t* handle, int, int) {
    DeskBinding* desk = static_cast<Poll*>(uv_handle_get_data(asHandle(handle)))->desk;
    if (desk != nullptr) desk->turn();
  }

  void turn() {
    const bool goesOn = desk_.receive();
    const bool mustFlush = desk_.flush();
    if (!goesOn) uv_poll_stop(poll_->handle);
    else watchFor(mustFlush);
    if (listener_.IsEmpty() || desk_.heldCount() == 0) return;
    const Napi::HandleScope scope(env_);
    listener_.MakeCallback(Napi::Env(env_).Global(), {});
    // Nobody is above to catch what it threw: it ends the process, as from any callback of the event loop.
    napi_value error;
    bool isPending = false;
    if (napi_is_exception_pending(env_, &isPending) == napi_ok && isPending && napi_get_and_clear_last_exception(env_, &error) == napi_ok)
      napi_fatal_exception(env_, error);
  }

  void watchFor(bool writable) {
    if (poll_ != nullptr) uv_poll_start(poll_->handle, UV_READABLE | (writable ? UV_WRITABLE : 0), onPoll);
  }

  static uv_handle_t* asHandle(uv_poll_t* handle) { return reinterpret_cast<uv_handle_t*>(handle); }

  bool refuse(const char* why) {
    throwStatus(env_, Status::fail("SYSTEM_ERROR", why));
    return false;
  }

  bool requireOpen() {
    if (isOpen_) return true;
    throwStatus(env_, Status::fail("CLOSED", "this process has let go of its connections."));
    return false;
  }

  bool readNumber(const Napi::CallbackInfo& info, uint64_t& number) {
    int64_t value = 0;
    if (!requireOpen() || !readInteger(info, 0, 1, EXACT_MAX, value)) return false;
    number = uint64_t(value);
    return true;
  }

  /** After something was said: what could not be sent waits for room. */
  void afterSaying() {
    if (desk_.flush()) watchFor(true);
  }

  Napi::Value heldCount(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(desk_.heldCount())); }

  Napi::Value listen(const Napi::CallbackInfo& info) {
    if (!requireOpen()) return info.Env().Undefined();
    if (info.Length() != 1 || !info[0].IsFunction()) {
      throwStatus(info.Env(), Status::fail("INVALID_ARGUMENT", "listen takes a function."));
      return info.Env().Undefined();
    }
    listener_ = Napi::Persistent(info[0].As<Napi::Function>());
    return info.Env().Undefined();
  }

  Napi::Value held(const Napi::CallbackInfo& info) {
    if (!requireOpen()) return info.Env().Undefined();
    desk_.receive();
    const std::vector<uint64_t> numbers = desk_.heldByServer();
    afterSaying();
    Napi::Array result = Napi::Array::New(info.Env(), numbers.size());
    for (size_t i = 0; i < numbers.size(); i++) result.Set(uint32_t(i), double(numbers[i]));
    return result;
  }

  Napi::Value plan(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    uint64_t number = 0, sent = 0;
    int64_t start = 0, length = 0;
    Plan plan;
    std::vector<uint8_t> request;
    if (!readNumber(info, number) || !readInteger(info, 1, 0, EXACT_MAX, start) || !readInteger(info, 2, 0, EXACT_MAX, length)) return env.Undefined();
    if (!throwUnlessOk(env, desk_.plan(number, uint64_t(start), uint64_t(length), plan, request, sent))) return env.Undefined();
    Napi::Object result = Napi::Object::New(env);
    result.Set("fate", FATES[uint32_t(plan.fate)]);
    result.Set("cause", LOSSES[uint32_t(plan.cause)]);
    result.Set("sent", double(sent));
    result.Set("isUsed", plan.isUsed);
    if (plan.fate == Fate::FeedAgain) result.Set("request", Napi::Buffer<uint8_t>::Copy(env, request.data(), request.size()));
    return result;
  }

  Napi::Value drop(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    if (!readNumber(info, number)) return info.Env().Undefined();
    throwUnlessOk(info.Env(), desk_.drop(number, info.Length() > 1 && info[1].ToBoolean()));
    afterSaying();
    return info.Env().Undefined();
  }

  Napi::Value serve(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    int fd = -1;
    if (!readNumber(info, number)) return info.Env().Undefined();
    if (!throwUnlessOk(info.Env(), desk_.serve(number, fd))) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), fd);
  }

  Napi::Value release(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    if (!readNumber(info, number)) return info.Env().Undefined();
    throwUnlessOk(info.Env(), desk_.release(number));
    afterSaying();
    return info.Env().Undefined();
  }

  Napi::Value handOver(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    if (readNumber(info, number)) throwUnlessOk(info.Env(), desk_.handOver(number));
    return info.Env().Undefined();
  }

  Napi::Value listenerOf(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    uint32_t listener = 0;
    if (!readNumber(info, number)) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), desk_.listenerOf(number, listener) ? double(listener) : -1);
  }

  Napi::Value beginRequest(const Napi::CallbackInfo& info) {
    uint64_t number = 0, start = 0;
    int64_t handling = 0;
    if (!readNumber(info, number) || !readInteger(info, 1, 0, HANDLING_MAX, handling)) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), desk_.beginRequest(number, Handling(handling), start) ? double(start) : -1);
  }

  Napi::Value canCommit(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    int64_t start = 0;
    if (!readNumber(info, number) || !readInteger(info, 1, 0, EXACT_MAX, start)) return info.Env().Undefined();
    return Napi::Boolean::New(info.Env(), desk_.canCommit(number, uint64_t(start)));
  }

  Napi::Value setHandling(const Napi::CallbackInfo& info) {
    uint64_t number = 0;
    int64_t start = 0, handling = 0;
    if (readNumber(info, number) && readInteger(info, 1, 0, EXACT_MAX, start) && readInteger(info, 2, 0, HANDLING_MAX, handling))
      desk_.setHandling(number, uint64_t(start), Handling(handling));
    return info.Env().Undefined();
  }

  Napi::Value counters(const Napi::CallbackInfo& info) {
    if (!requireOpen()) return info.Env().Undefined();
    return countersOf(info.Env(), desk_.table());
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    isOpen_ = false;
    stopPolling();
    return info.Env().Undefined();
  }

  napi_env env_;
  ConnectionDesk desk_;
  Napi::FunctionReference listener_;
  Poll* poll_ = nullptr;
  bool isOpen_ = false;
};

Napi::Value installHooks(const Napi::CallbackInfo& info) {
  throwUnlessOk(info.Env(), installIoHooks());
  return info.Env().Undefined();
}

}  // namespace

void exportConnections(Napi::Env env, Napi::Object exports) {
  exports.Set("ConnectionHub", HubBinding::define(env));
  exports.Set("ConnectionDesk", DeskBinding::define(env));
  exports.Set("installIoHooks", Napi::Function::New<installHooks>(env, "installIoHooks"));
}

}  // namespace mofo
