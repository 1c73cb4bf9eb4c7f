#include "transaction.h"

#include "recovery.h"
#include "stores.h"
#include "wait.h"

namespace mofo {

namespace {

/** What may stand in the way of a transaction although the lock was taken (R7, R8). */
Status checkAdmission(const StoreView& view) {
  if (loadWord(view.controlAt<uint32_t>(layout::CONTROL_RETIRED)) != 0)
    return Status::fail("RETIRED", "the store was destroyed or replaced by a restore while this handle was open.");
  if (loadWord(view.controlAt<uint32_t>(layout::CONTROL_DAMAGED)) != 0)
    return Status::fail("STORE_DAMAGED", "recovery found this store damaged.");
  const double term = loadDouble(view.slotAt<double>(view.slot, layout::SLOT_TERM));
  if (term != 0 && term != loadDouble(view.controlAt<double>(layout::CONTROL_TERM)))
    return Status::fail("FENCED", "this process was main, and another one has taken over from it.");
  return Status::ok();
}

/**
 * A snapshot's request: raising the epoch is one store, made by whoever holds the write lock, with no journal half played (R18). Compared
 * with the wanted epoch, never counted, so that a writer dying after the store does not make the next one raise it again.
 */
void raiseEpochIfWanted(const StoreView& view) {
  uint32_t* epoch = view.controlAt<uint32_t>(layout::CONTROL_EPOCH);
  const uint32_t wanted = loadWord(view.controlAt<uint32_t>(layout::CONTROL_WANTED_EPOCH));
  if (wanted == loadWord(epoch) + 1 && loadWord(view.controlAt<uint32_t>(layout::CONTROL_SWEEPER)) == 0) storeWord(epoch, wanted);
}

}  // namespace

TransactionCore::~TransactionCore() {
  if (open_) (void)abort().isOk();
}

Status TransactionCore::begin() {
  if (open_) {
    Status status = abort();
    if (!status.isOk()) return status;
  }
  StoreView& view = *view_;
  const uint32_t slot = view.slot;
  Status status = lockWrite(view, *gate_, -1);
  if (!status.isOk()) return status;
  status = checkAdmission(view);
  double* mark = view.slotAt<double>(slot, layout::SLOT_MARK);
  uint32_t* undoCount = view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT);
  double* open = view.slotAt<double>(slot, layout::SLOT_TRANSACTION_ID);
  // A slot that is not at rest was left so by a thread that did not hold the lock when it ended.
  if (status.isOk() && (loadDouble(mark) != 0 || loadWord(undoCount) != 0 || loadDouble(open) != 0)) status = recoverAll(view);
  if (!status.isOk()) {
    unlockWrite(view);
    return status;
  }
  double* lastId = view.controlAt<double>(layout::CONTROL_LAST_TRANSACTION_ID);
  const double id = loadDouble(lastId) + 1;
  storeDouble(lastId, id);
  storeWord(view.slotAt<uint32_t>(slot, layout::SLOT_JOURNAL_WORDS), 0);
  storeDouble(open, id);
  open_ = true;
  return Status::ok();
}

Status TransactionCore::commit(uint32_t journalWords) {
  if (!open_) return Status::fail("NO_TRANSACTION", "there is no open transaction to commit.");
  StoreView& view = *view_;
  const uint32_t slot = view.slot;
  Rung rung = Rung::Counted;
  const bool isEmpty = journalWords == 0 && loadWord(view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT)) == 0;
  if (!isEmpty) {
    if (!isJournalSound(view, slot, journalWords)) {
      Status status = abort();
      if (!status.isOk()) return status;
      return Status::fail("JOURNAL_CORRUPT", "the journal of the transaction leads outside the store or does not add up.");
    }
    storeWord(view.slotAt<uint32_t>(slot, layout::SLOT_JOURNAL_WORDS), journalWords);
    // From this store on the transaction has happened.
    storeDouble(view.slotAt<double>(slot, layout::SLOT_MARK), loadDouble(view.slotAt<double>(slot, layout::SLOT_TRANSACTION_ID)));
    rung = playMarked(view, slot, journalWords);
  }
  finish();
  // After the unlock, which is a full fence: whoever began to watch before this load is rung, whoever begins after it sees the commit.
  if (rung == Rung::NotWatched && isWatched(view)) notifyChannel(view, layout::CHANNEL_COMMITS);
  if (rung == Rung::MustWake) wakeWatchers(view);
  return Status::ok();
}

Status TransactionCore::abort() {
  if (!open_) return Status::fail("NO_TRANSACTION", "there is no open transaction to roll back.");
  StoreView& view = *view_;
  const uint32_t slot = view.slot;
  const uint32_t count = loadWord(view.slotAt<uint32_t>(slot, layout::SLOT_UNDO_COUNT));
  if (!isUndoSound(view, slot, count)) {
    // The list stays, and so does the transaction id: the store is damaged, and they are the evidence.
    Status status = damaged(view, DAMAGE_UNDO, "the undo list of this transaction leads outside the store.");
    open_ = false;
    unlockWrite(view);
    return status;
  }
  if (count != 0) playUndo(view, slot, count);
  finish();
  return Status::ok();
}

void TransactionCore::finish() {
  raiseEpochIfWanted(*view_);
  storeDouble(view_->slotAt<double>(view_->slot, layout::SLOT_TRANSACTION_ID), 0);
  open_ = false;
  unlockWrite(*view_);
}

}  // namespace mofo
