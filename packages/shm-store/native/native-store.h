// One opened store as one thread of one environment holds it: the JavaScript object around mapping, slot and transaction core.
//
// The mapping is shared with every ArrayBuffer made over it and is unmapped when the last of them is collected (R4); the slot is given
// back by close(), by the environment's clean-up hook or, after a kill, by whoever opens the store next. Methods of the segment
// side are in native-store.cc, those of transactions in binding-transaction.cc.
#pragma once
#include <napi.h>
#include <atomic>
#include <memory>
#include "environment-gate.h"
#include "exposed-memory.h"
#include "region.h"
#include "reserve.h"
#include "segment.h"
#include "store-view.h"
#include "store-waits.h"
#include "transaction.h"

namespace mofo {

class NativeStore : public Napi::ObjectWrap<NativeStore> {
 public:
  /** Makes the class for one environment. */
  static Napi::Function define(Napi::Env env);
  /** `new NativeStore(options)`; the options are those of NativeOpenOptions in src/native-binding.ts. */
  explicit NativeStore(const Napi::CallbackInfo& info);
  ~NativeStore() override;

  /** Throws CLOSED unless the store is open; returns whether it is. */
  bool requireOpen(Napi::Env env) const;
  StoreView& view() { return view_; }
  TransactionCore& transactions() { return *transactions_; }
  const std::atomic<bool>& exiting() const { return exiting_; }

 private:
  // Segment side (native-store.cc).
  Napi::Value showMain(const Napi::CallbackInfo& info);
  Napi::Value reserveMain(const Napi::CallbackInfo& info);
  Napi::Value reserveJournal(const Napi::CallbackInfo& info);
  Napi::Value reserveUndo(const Napi::CallbackInfo& info);
  Napi::Value lendRegion(const Napi::CallbackInfo& info);
  Napi::Value trim(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  Status exposeMemory(Napi::Env env, Napi::Object object, bool created);
  bool requireTransaction(Napi::Env env) const;
  static void onEnvironmentEnd(void* store);
  void closeNow();

  // Transaction side (binding-transaction.cc).
  Napi::Value transaction(const Napi::CallbackInfo& info);
  Napi::Value takeLock(const Napi::CallbackInfo& info);
  Napi::Value guardPages(const Napi::CallbackInfo& info);
  Napi::Value assistReader(const Napi::CallbackInfo& info);
  Napi::Value copyJournal(const Napi::CallbackInfo& info);

  // Backup and images (binding-image.cc).
  Napi::Value lockBackup(const Napi::CallbackInfo& info);
  Napi::Value unlockBackup(const Napi::CallbackInfo& info);
  Napi::Value copyToBackup(const Napi::CallbackInfo& info);
  Napi::Value writeBackup(const Napi::CallbackInfo& info);

  // Waiting side (binding-wait.cc).
  Napi::Value tryAcquireRole(const Napi::CallbackInfo& info);
  Napi::Value raiseTerm(const Napi::CallbackInfo& info);
  Napi::Value releaseRole(const Napi::CallbackInfo& info);
  Napi::Value watchRole(const Napi::CallbackInfo& info);
  Napi::Value unwatchRole(const Napi::CallbackInfo& info);
  Napi::Value readSlot(const Napi::CallbackInfo& info);
  Napi::Value notify(const Napi::CallbackInfo& info);
  Napi::Value watchDoorbell(const Napi::CallbackInfo& info);
  Napi::Value unwatchDoorbell(const Napi::CallbackInfo& info);
  Napi::Value waitSync(const Napi::CallbackInfo& info);
  /** Joins the waiting threads and gives the role back; before the slot is released. */
  void endWaits();

  StorePaths paths_;
  std::shared_ptr<StoreMapping> mapping_;
  std::atomic<bool> exiting_{false};
  EnvironmentGate gate_;
  StoreView view_;
  ExposedMemory exposed_;
  std::unique_ptr<SegmentReserver> reserver_;
  /** Null after close(). */
  std::unique_ptr<TransactionCore> transactions_;
  /** What handles of regions look at. */
  std::shared_ptr<RegionHost> regionHost_;
  std::unique_ptr<RoleWatch> roleWatch_;
  std::unique_ptr<DoorbellWatch> doorbellWatch_;
  /** Open while this thread may copy to the backup and read it. */
  FileDescriptor backupLease_;
  bool hooked_ = false;
  /** True while the callback of transaction() runs. */
  bool inTransactionFrame_ = false;
};

}  // namespace mofo
