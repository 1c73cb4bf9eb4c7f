// NativeStore's waiting side: role, term, slots, channels.
#include "js-error.h"
#include "native-store.h"
#include "role.h"
#include "store-waits.h"

namespace mofo {

namespace {

const char* reasonOf(RoleEventKind kind) {
  switch (kind) {
    case RoleEventKind::Dead: return "dead";
    case RoleEventKind::Released: return "released";
    case RoleEventKind::Hang: return "hang";
    case RoleEventKind::HolderKilled: return "holder-killed";
    case RoleEventKind::CannotKill: return "cannot-kill";
    case RoleEventKind::Failed: return "failed";
  }
  return "failed";
}

Napi::Object toObject(Napi::Env env, const RoleEvent& event) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("reason", reasonOf(event.kind));
  object.Set("ownerPid", event.slot.pid);
  object.Set("atMs", event.atMs);
  object.Set("detail", event.detail);
  object.Set("slot", event.slot.pid == 0 ? env.Undefined() : slotToObject(env, event.slot));
  return object;
}

bool isWhole(const Napi::Value& value, double most) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return number >= 0 && number <= most && double(uint64_t(number)) == number;
}

void refuseArgument(Napi::Env env, const char* what) { throwStatus(env, Status::fail("INVALID_ARGUMENT", what)); }

}  // namespace

Napi::Object slotToObject(Napi::Env env, const SlotReading& slot) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("slot", slot.slot);
  object.Set("state", slot.state);
  object.Set("pid", slot.pid);
  object.Set("tid", slot.tid);
  object.Set("role", slot.role);
  object.Set("generation", slot.generation);
  object.Set("startTime", slot.startTime);
  object.Set("term", slot.term);
  object.Set("mark", slot.mark);
  object.Set("transactionId", slot.transactionId);
  object.Set("waitingFor", slot.waitingFor);
  object.Set("waitingOwner", slot.waitingOwner);
  object.Set("waitingSinceMs", slot.waitingSinceMs);
  object.Set("running", slot.running);
  object.Set("runningSerial", slot.runningSerial);
  object.Set("deadlineMs", slot.deadlineMs);
  object.Set("heartbeatMs", slot.heartbeatMs);
  object.Set("heartbeatLimitMs", slot.heartbeatLimitMs);
  object.Set("runStartedMs", slot.runStartedMs);
  object.Set("taskId", slot.taskId);
  object.Set("label", slot.label);
  return object;
}

RoleWatch::RoleWatch(Napi::Env env, const StoreView& view, bool judgesHangs)
    : watcher_(view, judgesHangs,
               [this](const RoleEvent& event) {
                 report_.send([event](Napi::Env environment, Napi::Function callback) { callback.Call({toObject(environment, event)}); });
               }),
      report_(env, [this] { watcher_.stop(); }) {}

Status RoleWatch::start(Napi::Function callback, bool keepsAlive) {
  Status status = report_.open(callback, "mofo.roleWatch", keepsAlive);
  return status.isOk() ? watcher_.start() : status;
}

DoorbellWatch::DoorbellWatch(Napi::Env env, const StoreView& view)
    : watcher_(view, [this] { onRing(); }), report_(env, [this] { watcher_.stop(); }) {}

Status DoorbellWatch::start(Napi::Function callback, bool keepsAlive) {
  Status status = report_.open(callback, "mofo.doorbellWatch", keepsAlive);
  return status.isOk() ? watcher_.start() : status;
}

void DoorbellWatch::onRing() {
  if (isOnItsWay_.exchange(true)) return;
  report_.send([this](Napi::Env, Napi::Function callback) {
    // Before the call: a ring during it makes another one.
    isOnItsWay_ = false;
    callback.Call({});
  });
}

Napi::Value NativeStore::tryAcquireRole(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool acquired = false;
  if (!requireOpen(env) || !throwUnlessOk(env, mofo::tryAcquireRole(view_, acquired))) return Napi::Value();
  return Napi::Boolean::New(env, acquired);
}

Napi::Value NativeStore::raiseTerm(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  double term = 0;
  if (!requireOpen(env) || !throwUnlessOk(env, mofo::raiseTerm(view_, gate_, term))) return Napi::Value();
  return Napi::Number::New(env, term);
}

Napi::Value NativeStore::releaseRole(const Napi::CallbackInfo& info) {
  if (requireOpen(info.Env())) mofo::releaseRole(view_);
  return Napi::Value();
}

Napi::Value NativeStore::watchRole(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!info[0].IsFunction() || !info[1].IsBoolean() || !info[2].IsBoolean()) {
    refuseArgument(env, "watchRole takes a function, whether to judge hangs, and whether to keep the process alive.");
    return Napi::Value();
  }
  roleWatch_ = std::make_unique<RoleWatch>(env, view_, info[1].As<Napi::Boolean>());
  throwUnlessOk(env, roleWatch_->start(info[0].As<Napi::Function>(), info[2].As<Napi::Boolean>()));
  return Napi::Value();
}

Napi::Value NativeStore::unwatchRole(const Napi::CallbackInfo&) {
  roleWatch_.reset();
  return Napi::Value();
}

Napi::Value NativeStore::readSlot(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!isWhole(info[0], double(layout::SLOT_COUNT - 1))) {
    refuseArgument(env, "readSlot takes the number of a slot.");
    return Napi::Value();
  }
  return slotToObject(env, mofo::readSlot(view_, info[0].As<Napi::Number>()));
}

Napi::Value NativeStore::notify(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!isWhole(info[0], double(layout::CHANNEL_COUNT - 1))) {
    refuseArgument(env, "notify takes the number of a channel.");
    return Napi::Value();
  }
  notifyChannel(view_, info[0].As<Napi::Number>().Uint32Value());
  return Napi::Value();
}

Napi::Value NativeStore::watchDoorbell(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!info[0].IsFunction() || !info[1].IsBoolean()) {
    refuseArgument(env, "watchDoorbell takes a function and whether to keep the process alive.");
    return Napi::Value();
  }
  doorbellWatch_ = std::make_unique<DoorbellWatch>(env, view_);
  throwUnlessOk(env, doorbellWatch_->start(info[0].As<Napi::Function>(), info[1].As<Napi::Boolean>()));
  return Napi::Value();
}

Napi::Value NativeStore::unwatchDoorbell(const Napi::CallbackInfo&) {
  doorbellWatch_.reset();
  return Napi::Value();
}

Napi::Value NativeStore::waitSync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!isWhole(info[0], double(layout::CHANNEL_COUNT - 1)) || !isWhole(info[1], 4294967295.0) || !info[2].IsNumber()) {
    refuseArgument(env, "waitSync takes the number of a channel, its value as last seen, and a number of milliseconds (-1: no limit).");
    return Napi::Value();
  }
  if (transactions_->isOpen()) {
    throwStatus(env, Status::fail("IN_TRANSACTION", "waiting inside a transaction would keep everybody else waiting."));
    return Napi::Value();
  }
  const Waited waited = waitChannel(view_, info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value(),
                                    info[2].As<Napi::Number>().DoubleValue(), gate_);
  if (waited == Waited::MustLeave) {
    throwStatus(env, Status::fail("EXITING", "the thread is being ended while it waits."));
    return Napi::Value();
  }
  return Napi::Boolean::New(env, waited == Waited::Changed);
}

void NativeStore::endWaits() {
  roleWatch_.reset();
  doorbellWatch_.reset();
  mofo::releaseRole(view_);
}

}  // namespace mofo
