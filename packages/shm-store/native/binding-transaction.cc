// NativeStore.transaction: the native frame around a JavaScript callback, and what else happens under the write lock.
#include <unistd.h>
#include <cerrno>
#include "guard.h"
#include "js-error.h"
#include "native-store.h"

namespace mofo {

namespace {

/** A whole number from 0 to `most`. */
bool toInteger(napi_env env, napi_value value, double most, double& result) {
  return napi_get_value_double(env, value, &result) == napi_ok && result >= 0 && result <= most && double(uint64_t(result)) == result;
}

}  // namespace

/**
 * However the callback ends (a value, an exception, stack overflow, out of memory, termination of the thread), napi_call_function returns here,
 * and what follows runs no JavaScript (R10). Only process.exit() on the main thread never returns; then the process ends holding
 * the lock, and the next taker recovers.
 */
Napi::Value NativeStore::transaction(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (inTransactionFrame_) {
    throwStatus(env, Status::fail("IN_TRANSACTION", "a transaction of this thread is open already."));
    return Napi::Value();
  }
  if (!info[0].IsFunction()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "transaction takes a function that returns the length of the journal in words."));
    return Napi::Value();
  }
  napi_value receiver, result;
  if (napi_get_undefined(env, &receiver) != napi_ok) return Napi::Value();
  // Kept here so that it lives until the lock is given back, whatever the callback does with the handle.
  const std::shared_ptr<StoreMapping> mapping = mapping_;
  // A body that reads first may take the lock itself, at its first write: takeLock.
  bool isLockLater = false;
  if (info.Length() > 1 && napi_get_value_bool(env, info[1], &isLockLater) != napi_ok) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "transaction takes a function and whether the lock is taken later."));
    return Napi::Value();
  }
  if (!isLockLater && !throwUnlessOk(env, transactions_->begin())) return Napi::Value();
  inTransactionFrame_ = true;
  const napi_status called = napi_call_function(env, receiver, info[0], 0, nullptr, &result);
  inTransactionFrame_ = false;
  // The environment ended inside the callback: its clean-up has rolled back.
  if (transactions_ == nullptr) return Napi::Value();
  const bool isOpen = transactions_->isOpen();
  if (called != napi_ok) {
    // The callback's exception is what the caller sees; damage is seen by the next begin.
    if (isOpen) (void)transactions_->abort().isOk();
    return Napi::Value();
  }
  double words = 0;
  if (!isOpen) {
    if (!toInteger(env, result, 0, words))
      throwStatus(env, Status::fail("INVALID_ARGUMENT", "the body of a transaction that never took the lock returned something else than 0."));
    return Napi::Value();
  }
  if (!toInteger(env, result, 4294967295.0, words)) {
    if (!throwUnlessOk(env, transactions_->abort())) return Napi::Value();
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "the body of the transaction did not return the length of the journal in words."));
    return Napi::Value();
  }
  throwUnlessOk(env, transactions_->commit(uint32_t(words)));
  return Napi::Value();
}

Napi::Value NativeStore::takeLock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!inTransactionFrame_) {
    throwStatus(env, Status::fail("NO_TRANSACTION", "the lock is taken inside the body of a transaction only."));
    return Napi::Value();
  }
  // Again after an error that cut short what follows in JavaScript: the lock is this body's already.
  if (!transactions_->isOpen()) throwUnlessOk(env, transactions_->begin());
  return Napi::Value();
}

Napi::Value NativeStore::guardPages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (!transactions_->isOpen()) {
    throwStatus(env, Status::fail("NO_TRANSACTION", "pages are made writable in a transaction only."));
    return Napi::Value();
  }
  const double pageCount = double(view_.sizeBytes / layout::PAGE_BYTES);
  double first = 0, count = 0;
  if (!toInteger(env, info[0], pageCount, first) || !toInteger(env, info[1], pageCount - first, count)) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "guardPages takes a page and a number of pages inside the store."));
    return Napi::Value();
  }
  if (count > 0) Guard(view_).pages(uint64_t(first), uint64_t(first + count) - 1);
  return Napi::Value();
}

Napi::Value NativeStore::assistReader(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  if (transactions_->isOpen()) {
    throwStatus(env, Status::fail("IN_TRANSACTION", "a reader in its own transaction has nothing to wait for."));
    return Napi::Value();
  }
  Assist assist = Assist::Busy;
  if (!throwUnlessOk(env, mofo::assistReader(view_, assist))) return Napi::Value();
  return Napi::String::New(env, assist == Assist::Idle ? "idle" : assist == Assist::Recovered ? "recovered" : "busy");
}

/** By pread: through a mapping, pages that went back to the system meanwhile would be made anew, or be a SIGBUS on a full /dev/shm. */
Napi::Value NativeStore::copyJournal(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return Napi::Value();
  const Geometry& geometry = mapping_->geometry();
  double slot = 0;
  if (!toInteger(env, info[0], layout::SLOT_COUNT - 1, slot) || !info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      info[1].As<Napi::TypedArray>().ByteLength() > geometry.journalBytes()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "copyJournal takes a slot and bytes to copy to, no more than a journal has."));
    return Napi::Value();
  }
  Napi::Uint8Array target = info[1].As<Napi::Uint8Array>();
  const off_t first = off_t(geometry.journalOffset() + uint64_t(slot) * geometry.slotBytes());
  for (size_t done = 0; done < target.ByteLength();) {
    const ssize_t got = pread(mapping_->files().control.get(), target.Data() + done, target.ByteLength() - done, first + off_t(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throwStatus(env, systemFailure("reading a journal", got < 0 ? errno : EIO));
      return Napi::Value();
    }
    done += size_t(got);
  }
  return Napi::Value();
}

}  // namespace mofo
