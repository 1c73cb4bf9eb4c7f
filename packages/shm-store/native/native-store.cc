#include "native-store.h"

#include <sys/mman.h>
#include <algorithm>
#include "create.h"
#include "js-error.h"
#include "recovery.h"
#include "slots.h"
#include "trim.h"

namespace mofo {

namespace {

/** A thread that holds the write lock for longer than this while the store is opened is stuck. */
constexpr int64_t RECOVERY_WAIT_MS = 10000;

Status readRequest(const Napi::CallbackInfo& info, OpenRequest& request) {
  const Status wrong = Status::fail("INVALID_ARGUMENT", "a store is opened with { name, sizeBytes, create, exactAddress, hugePages }.");
  if (info.Length() != 1 || !info[0].IsObject()) return wrong;
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Value name = options.Get("name"), size = options.Get("sizeBytes"), create = options.Get("create"),
                    exact = options.Get("exactAddress"), huge = options.Get("hugePages");
  if (info.Env().IsExceptionPending() || !name.IsString() || !size.IsNumber() || !create.IsBoolean() ||
      !(exact.IsBoolean() || exact.IsUndefined()) || !huge.IsBoolean())
    return wrong;
  request.name = name.As<Napi::String>().Utf8Value();
  request.create = create.As<Napi::Boolean>();
  request.exactAddress = exact.IsBoolean() && exact.As<Napi::Boolean>();
  request.anyAddress = exact.IsBoolean() && !request.exactAddress;
  request.hugePages = huge.As<Napi::Boolean>();
  const double sizeBytes = size.As<Napi::Number>().DoubleValue();
  if (!(sizeBytes >= 0 && sizeBytes <= double(layout::STORE_SIZE_MAX_BYTES)) || double(uint64_t(sizeBytes)) != sizeBytes)
    return Status::fail("INVALID_SIZE", "the given number of bytes is no size for a store.");
  request.sizeBytes = uint64_t(sizeBytes);
  return Status::ok();
}

/** Replays or rolls back what threads that died left in their slots. */
Status recoverDeadOwners(StoreView& view, WaitGate& gate) {
  Status status = lockWrite(view, gate, RECOVERY_WAIT_MS);
  if (!status.isOk()) return status;
  status = recoverAll(view);
  unlockWrite(view);
  return status;
}

/** Journal and undo range begin with their first step; what an earlier owner of the slot had reserved beyond it is given back. */
Status prepareRanges(const StoreMapping& mapping, const StoreView& view, SegmentReserver& reserver) {
  const Geometry& geometry = mapping.geometry();
  const uint64_t journal = geometry.journalOffset() + view.slot * geometry.slotBytes();
  struct Range {
    uint64_t offset, capacity, pagesWord;
  };
  for (const Range& range : {Range{journal, geometry.journalBytes(), layout::SLOT_JOURNAL_RESERVED},
                             Range{journal + geometry.journalBytes(), geometry.undoBytes(), layout::SLOT_UNDO_RESERVED}}) {
    uint32_t* pages = view.slotAt<uint32_t>(view.slot, range.pagesWord);
    if (uint64_t(*pages) * layout::PAGE_BYTES <= RANGE_STEP_MIN_BYTES) continue;
    __atomic_store_n(pages, uint32_t(RANGE_STEP_MIN_BYTES / layout::PAGE_BYTES), __ATOMIC_RELEASE);
    releaseRange(mapping.files().control, range.offset + RANGE_STEP_MIN_BYTES, range.offset + range.capacity);
  }
  Status status = reserver.reserveJournal(RANGE_STEP_MIN_BYTES);
  return status.isOk() ? reserver.reserveUndo(RANGE_STEP_MIN_BYTES) : status;
}

/** The argument of a reservation: a whole number from 0 to 2^53. */
bool readCount(const Napi::CallbackInfo& info, uint64_t& count) {
  const double value = info.Length() == 1 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (value >= 0 && value <= 9007199254740992.0 && double(uint64_t(value)) == value) {
    count = uint64_t(value);
    return true;
  }
  throwStatus(info.Env(), Status::fail("INVALID_ARGUMENT", "a reservation takes one whole number that is not negative."));
  return false;
}

}  // namespace

Napi::Function NativeStore::define(Napi::Env env) {
  return DefineClass(env, "NativeStore",
                     {
                         InstanceMethod<&NativeStore::showMain>("showMain"),
                         InstanceMethod<&NativeStore::reserveMain>("reserveMain"),
                         InstanceMethod<&NativeStore::reserveJournal>("reserveJournal"),
                         InstanceMethod<&NativeStore::reserveUndo>("reserveUndo"),
                         InstanceMethod<&NativeStore::trim>("trim"),
                         InstanceMethod<&NativeStore::lendRegion>("lendRegion"),
                         InstanceMethod<&NativeStore::close>("close"),
                         InstanceMethod<&NativeStore::transaction>("transaction"),
                         InstanceMethod<&NativeStore::takeLock>("takeLock"),
                         InstanceMethod<&NativeStore::guardPages>("guardPages"),
                         InstanceMethod<&NativeStore::assistReader>("assistReader"),
                         InstanceMethod<&NativeStore::copyJournal>("copyJournal"),
                         InstanceMethod<&NativeStore::lockBackup>("lockBackup"),
                         InstanceMethod<&NativeStore::unlockBackup>("unlockBackup"),
                         InstanceMethod<&NativeStore::copyToBackup>("copyToBackup"),
                         InstanceMethod<&NativeStore::writeBackup>("writeBackup"),
                         InstanceMethod<&NativeStore::tryAcquireRole>("tryAcquireRole"),
                         InstanceMethod<&NativeStore::raiseTerm>("raiseTerm"),
                         InstanceMethod<&NativeStore::releaseRole>("releaseRole"),
                         InstanceMethod<&NativeStore::watchRole>("watchRole"),
                         InstanceMethod<&NativeStore::unwatchRole>("unwatchRole"),
                         InstanceMethod<&NativeStore::readSlot>("readSlot"),
                         InstanceMethod<&NativeStore::notify>("notify"),
                         InstanceMethod<&NativeStore::watchDoorbell>("watchDoorbell"),
                         InstanceMethod<&NativeStore::unwatchDoorbell>("unwatchDoorbell"),
                         InstanceMethod<&NativeStore::waitSync>("waitSync"),
                     });
}

NativeStore::NativeStore(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeStore>(info), gate_(info.Env(), exiting_) {
  const Napi::Env env = info.Env();
  OpenRequest request;
  OpenedStore opened;
  Status status = readRequest(info, request);
  if (status.isOk()) status = openSegments(request, opened);
  if (!throwUnlessOk(env, status)) return;
  mapping_ = std::move(opened.mapping);
  paths_ = pathsOf(request.directory, request.name);
  view_ = mapping_->view();
  reserver_ = std::make_unique<SegmentReserver>(mapping_.get(), &view_, request.hugePages);
  transactions_ = std::make_unique<TransactionCore>(&view_, &gate_);
  regionHost_ = std::make_shared<RegionHost>(RegionHost{&view_, transactions_.get()});
  status = claimSlot(view_, [this] { return recoverDeadOwners(view_, gate_); });
  if (!status.isOk()) {
    *regionHost_ = RegionHost();
    transactions_.reset();
    throwStatus(env, status);
    return;
  }
  status = prepareRanges(*mapping_, view_, *reserver_);
  // Threads that were killed while they watched are counted no longer.
  recountWatchers(view_);
  opened.lock.release();
  napi_add_env_cleanup_hook(env, onEnvironmentEnd, this);
  hooked_ = true;
  if (status.isOk()) status = exposeMemory(env, info.This().As<Napi::Object>(), opened.created);
  if (!status.isOk()) {
    closeNow();
    throwStatus(env, status);
  }
}

NativeStore::~NativeStore() { closeNow(); }

/**
 * Of main only the beginning of the heap is shown at first, whatever is reserved: V8 answers a buffer of gigabytes with a full collection at once, and who
 * attaches may never look there. More is shown by showMain.
 */
Status NativeStore::exposeMemory(Napi::Env env, Napi::Object object, bool created) {
  const uint64_t first = mapping_->geometry().heapStart() + layout::SLAB_BYTES;
  Status status = exposed_.open(env, object, mapping_, view_, std::min(first, view_.sizeBytes));
  if (!status.isOk()) return status;
  const bool isAtRecordedAddress = uint64_t(reinterpret_cast<uintptr_t>(view_.main)) == *view_.mainAt<uint64_t>(layout::MAIN_BASE_ADDRESS);
  const bool isSet = setMember(env, object, "isAtRecordedAddress", Napi::Boolean::New(env, isAtRecordedAddress)) &&
                     setMember(env, object, "slot", Napi::Number::New(env, view_.slot)) &&
                     setMember(env, object, "created", Napi::Boolean::New(env, created));
  return isSet ? Status::ok() : Status::fail("EXITING", "the environment is ending.");
}

bool NativeStore::requireOpen(Napi::Env env) const {
  if (transactions_ != nullptr) return true;
  throwStatus(env, Status::fail("CLOSED", "this store handle is closed."));
  return false;
}

/** Memory is reserved under the write lock only. */
bool NativeStore::requireTransaction(Napi::Env env) const {
  if (!requireOpen(env)) return false;
  if (transactions_->isOpen()) return true;
  throwStatus(env, Status::fail("NO_TRANSACTION", "memory of the store is reserved in a transaction only."));
  return false;
}

Napi::Value NativeStore::showMain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint64_t granule = 0;
  if (!readCount(info, granule) || !requireOpen(env)) return env.Undefined();
  const uint64_t bytes = granule < view_.sizeBytes / layout::GRANULE_BYTES ? granule * layout::GRANULE_BYTES : view_.sizeBytes;
  throwUnlessOk(env, exposed_.showMain(env, Value(), bytes));
  return env.Undefined();
}

Napi::Value NativeStore::reserveMain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint64_t granule = 0;
  if (!readCount(info, granule) || !requireTransaction(env)) return env.Undefined();
  Status status = reserver_->reserveMain(granule);
  if (status.isOk()) status = exposed_.showMain(env, Value(), granule * layout::GRANULE_BYTES);
  throwUnlessOk(env, status);
  return env.Undefined();
}

Napi::Value NativeStore::reserveJournal(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint64_t bytes = 0;
  if (!readCount(info, bytes) || !requireTransaction(env)) return env.Undefined();
  Status status = reserver_->reserveJournal(bytes);
  if (status.isOk()) status = exposed_.showJournal(env, Value(), bytes);
  throwUnlessOk(env, status);
  return env.Undefined();
}

Napi::Value NativeStore::reserveUndo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint64_t bytes = 0;
  if (!readCount(info, bytes) || !requireTransaction(env)) return env.Undefined();
  Status status = reserver_->reserveUndo(bytes);
  if (status.isOk()) status = exposed_.showUndo(env, Value(), bytes);
  throwUnlessOk(env, status);
  return env.Undefined();
}

Napi::Value NativeStore::trim(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return env.Undefined();
  Status status = Status::ok();
  if (transactions_->isOpen()) status = Status::fail("IN_TRANSACTION", "memory is given back between transactions.");
  TrimReport report;
  if (status.isOk()) status = trimStore(paths_, *mapping_, view_, *transactions_, report);
  if (!throwUnlessOk(env, status)) return env.Undefined();
  constexpr const char* NAMES[] = {"done", "attached", "backup-in-use"};
  const Napi::Object result = Napi::Object::New(env);
  result.Set("result", NAMES[int(report.result)]);
  result.Set("freedBytes", double(report.freedBytes));
  result.Set("reservedBytes", double(report.reservedBytes));
  return result;
}

Napi::Value NativeStore::lendRegion(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!requireOpen(env)) return env.Undefined();
  if (info.Length() != 2 || !info[0].IsNumber() || !info[1].IsNumber()) {
    throwStatus(env, Status::fail("INVALID_ARGUMENT", "lendRegion takes the granule and the birth stamp of a region's block."));
    return env.Undefined();
  }
  auto loan = std::make_unique<RegionLoan>(mapping_, regionHost_, info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Uint32Value());
  napi_value handle = nullptr;
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<RegionLoan*>(static_cast<mofo_region_v1*>(data)); };
  if (napi_create_object(env, &handle) != napi_ok || napi_type_tag_object(env, handle, &MOFO_REGION_TYPE_TAG) != napi_ok ||
      napi_wrap(env, handle, static_cast<mofo_region_v1*>(loan.get()), drop, nullptr, nullptr) != napi_ok) {
    throwStatus(env, Status::fail("SYSTEM_ERROR", "the handle of a native region could not be made."));
    return env.Undefined();
  }
  (void)loan.release();
  return Napi::Value(env, handle);
}

Napi::Value NativeStore::close(const Napi::CallbackInfo& info) {
  if (transactions_ != nullptr && transactions_->isOpen()) {
    throwStatus(info.Env(), Status::fail("IN_TRANSACTION", "a store cannot be closed inside its own transaction."));
    return info.Env().Undefined();
  }
  closeNow();
  return info.Env().Undefined();
}

void NativeStore::onEnvironmentEnd(void* store) {
  auto* self = static_cast<NativeStore*>(store);
  self->exiting_ = true;
  self->hooked_ = false;
  self->closeNow();
}

void NativeStore::closeNow() {
  if (hooked_) napi_remove_env_cleanup_hook(Env(), onEnvironmentEnd, this);
  hooked_ = false;
  if (transactions_ == nullptr) return;
  // What a terminated body left open is rolled back. If that fails the slot stays pending, and the next opener sees to it.
  if (transactions_->isOpen()) (void)transactions_->abort().isOk();
  endWaits();
  backupLease_.reset();
  releaseSlot(view_);
  *regionHost_ = RegionHost();
  transactions_.reset();
  reserver_.reset();
  exposed_.close();
  mapping_.reset();
}

}  // namespace mofo
