// One thread's transaction, from taking the write lock to giving it back. Holds no JavaScript: the binding puts the callback
// between begin and commit, and whatever becomes of the callback, commit or abort follows (R10).
#pragma once
#include <cstdint>
#include "lock.h"
#include "status.h"
#include "store-view.h"

namespace mofo {

class TransactionCore {
 public:
  /** View and gate (asked between slices of a wait for the lock) must outlive it. */
  TransactionCore(StoreView* view, WaitGate* gate) : view_(view), gate_(gate) {}
  /** Rolls back what is open. Must run on the thread that began it. */
  ~TransactionCore();
  TransactionCore(const TransactionCore&) = delete;
  TransactionCore& operator=(const TransactionCore&) = delete;

  /**
   * Takes the write lock and opens a transaction; one that was left open is rolled back first. Fails with RETIRED, FENCED,
   * STORE_DAMAGED or a code of lockWrite; then the lock is not held.
   */
  Status begin();
  /**
   * Makes a journal of this many words and every overwritten granule permanent. Fails with JOURNAL_CORRUPT after a rollback. The lock is given
   * back either way.
   */
  Status commit(uint32_t journalWords);
  /** Rolls back. Fails with STORE_DAMAGED if the undo list is unusable. The lock is given back either way. */
  Status abort();
  /** True from a begin that succeeded to the end of its commit or abort: this thread holds the write lock. */
  bool isOpen() const { return open_; }

 private:
  void finish();

  StoreView* view_;
  WaitGate* gate_;
  bool open_ = false;
};

}  // namespace mofo
