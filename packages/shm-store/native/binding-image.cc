// Backup, images and restore as JavaScript sees them. Everything that touches a disk runs on a thread of libuv's pool and answers with a promise.
#include "binding-image.h"

#include <fcntl.h>
#include <cerrno>
#include <cstring>
#include "backup.h"
#include "image.h"
#include "js-error.h"
#include "native-store.h"
#include "restore.h"

namespace mofo {

namespace {

/** Runs `work` on another thread; resolves with what `answer` makes of it, or rejects with the error for its status. */
template <typename Work>
class StatusWorker final : public Napi::AsyncWorker {
 public:
  StatusWorker(Napi::Env env, Work work)
      : Napi::AsyncWorker(env, "mofo:image"), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { status_ = work_.run(); }
  void OnOK() override {
    const Napi::Env env = Env();
    if (status_.isOk()) {
      deferred_.Resolve(Napi::Number::New(env, work_.answer()));
      return;
    }
    throwStatus(env, status_);
    if (env.IsExceptionPending()) deferred_.Reject(env.GetAndClearPendingException().Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  Status status_ = Status::ok();
};

template <typename Work>
Napi::Value start(Napi::Env env, Work work) {
  auto* worker = new StatusWorker<Work>(env, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

struct WriteWork {
  std::shared_ptr<StoreMapping> mapping;
  FileDescriptor file;
  uint64_t from, to, offset;
  uint32_t crc = 0;

  Status run() { return writeImageRange(mapping->files().backup, file, from, to, offset, crc); }
  double answer() const { return crc; }
};

struct RestoreWork {
  RestoreRequest request;
  uint32_t timeline = 0;

  Status run() { return restoreSegments(request, timeline); }
  double answer() const { return timeline; }
};

/** A whole number from 0 to `most`. */
bool toCount(const Napi::Value& value, double most, uint64_t& result) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0 && number <= most) || double(uint64_t(number)) != number) return false;
  result = uint64_t(number);
  return true;
}

/** A descriptor of our own for the file, so that JavaScript may close its one whenever it likes. */
Status duplicate(uint64_t fd, FileDescriptor& result) {
  FileDescriptor own(fcntl(int(fd), F_DUPFD_CLOEXEC, 0));
  if (!own) return Status::fail("INVALID_ARGUMENT", "descriptor " + std::to_string(fd) + " is not open.", errno);
  result = std::move(own);
  return Status::ok();
}

constexpr double FD_MAX = 2147483647, COUNT_MAX = 9007199254740992.0, WORD_MAX = 4294967295.0;

Status readRestoreRequest(const Napi::CallbackInfo& info, RestoreRequest& request) {
  const Status wrong = Status::fail("INVALID_ARGUMENT", "restoreSegments takes one object as described in src/native-image.ts.");
  if (info.Length() != 1 || !info[0].IsObject()) return wrong;
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Value name = options.Get("name"), checksums = options.Get("checksums"), force = options.Get("force");
  uint64_t fd = 0, timeline = 0;
  if (!name.IsString() || !checksums.IsTypedArray() || checksums.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array ||
      !force.IsBoolean() || !toCount(options.Get("fd"), FD_MAX, fd) || !toCount(options.Get("sizeBytes"), COUNT_MAX, request.sizeBytes) ||
      !toCount(options.Get("reservedBytes"), COUNT_MAX, request.reservedBytes) ||
      !toCount(options.Get("dataOffset"), COUNT_MAX, request.dataOffset) ||
      !toCount(options.Get("chunkBytes"), COUNT_MAX, request.chunkBytes) || !toCount(options.Get("timeline"), WORD_MAX, timeline))
    return wrong;
  const Napi::Uint32Array table = checksums.As<Napi::Uint32Array>();
  request.name = name.As<Napi::String>().Utf8Value();
  request.checksums.assign(table.Data(), table.Data() + table.ElementLength());
  request.timeline = uint32_t(timeline);
  request.force = force.As<Napi::Boolean>();
  return duplicate(fd, request.image);
}

Napi::Value restore(const Napi::CallbackInfo& info) {
  RestoreWork work;
  if (!throwUnlessOk(info.Env(), readRestoreRequest(info, work.request))) return info.Env().Undefined();
  return start(info.Env(), std::move(work));
}

}  // namespace

Napi::Value NativeStore::lockBackup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return env.Undefined();
  if (backupLease_) return Napi::Boolean::New(env, false);
  if (!throwUnlessOk(env, takeBackupLease(*mapping_, backupLease_))) return env.Undefined();
  return Napi::Boolean::New(env, bool(backupLease_));
}

Napi::Value NativeStore::unlockBackup(const Napi::CallbackInfo& info) {
  backupLease_.reset();
  return info.Env().Undefined();
}

Napi::Value NativeStore::copyToBackup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return env.Undefined();
  Status status = Status::ok();
  if (!backupLease_) status = Status::fail("BACKUP_NOT_LOCKED", "the backup is copied to under its lock only.");
  if (inTransactionFrame_) status = Status::fail("IN_TRANSACTION", "a snapshot cannot be taken inside a transaction.");
  BackupReport report;
  if (status.isOk()) status = mofo::copyToBackup(*transactions_, view_, report);
  if (!throwUnlessOk(env, status)) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("pauseUs", report.pauseUs);
  result.Set("pagesCopied", double(report.pagesCopied));
  result.Set("sequence", report.sequence);
  result.Set("transactionId", report.transactionId);
  result.Set("timeline", report.timeline);
  result.Set("epoch", report.epoch);
  result.Set("reservedBytes", double(report.reservedBytes));
  return result;
}

Napi::Value NativeStore::writeBackup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return env.Undefined();
  uint64_t fd = 0, offset = 0;
  WriteWork work{mapping_, FileDescriptor(), 0, 0, 0};
  Status status = Status::ok();
  if (!backupLease_) status = Status::fail("BACKUP_NOT_LOCKED", "the backup is read under its lock only.");
  if (info.Length() != 4 || !toCount(info[0], FD_MAX, fd) || !toCount(info[1], COUNT_MAX, offset) ||
      !toCount(info[2], double(view_.sizeBytes), work.from) || !toCount(info[3], double(view_.sizeBytes), work.to))
    status = Status::fail("INVALID_ARGUMENT", "writeBackup takes a descriptor, an offset in its file, and two bounds inside the store.");
  if (status.isOk()) status = duplicate(fd, work.file);
  if (!throwUnlessOk(env, status)) return env.Undefined();
  work.offset = offset;
  return start(env, std::move(work));
}

void exportImage(Napi::Env env, Napi::Object exports) {
  exports.Set("restoreSegments", Napi::Function::New<restore>(env, "restoreSegments"));
}

}  // namespace mofo
