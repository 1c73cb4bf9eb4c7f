#include "connection-desk.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>
#include "http-framing.h"
#include "io-hooks.h"

namespace mofo {

namespace {

Status unknown(uint64_t number) { return Status::fail("INVALID_ARGUMENT", "there is no connection " + std::to_string(number) + " here."); }

bool isTcp(int fd) {
  int protocol = 0;
  socklen_t length = sizeof protocol;
  return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
}

}  // namespace

Status ConnectionDesk::open(FileDescriptor channel, int tableFd) {
  const Status status = table_.attach(tableFd);
  if (status.isOk()) channel_ = std::move(channel);
  return status;
}

void ConnectionDesk::close() {
  for (const auto& [number, served] : served_) untrackDescriptor(served.fd);
  served_.clear();
  held_.clear();
  channel_.reset();
}

bool ConnectionDesk::receive() {
  ConnectionMessage message;
  FileDescriptor fd;
  while (channel_) {
    const Transfer transfer = receiveMessage(channel_.get(), message, fd);
    if (transfer == Transfer::Later) return true;
    if (transfer == Transfer::Ended) return false;
    if (message.kind == ConnectionMessage::Closed) {
      held_.erase(message.number);
    } else if (message.kind == ConnectionMessage::Opened && table_.slot(message.slot) != nullptr) {
      if (fd) held_[message.number] = Held{std::move(fd), message.slot};
      else withoutDescriptor_.push_back(message.number);
    }
  }
  return false;
}

bool ConnectionDesk::flush() {
  while (channel_ && !waiting_.empty()) {
    const Transfer transfer = sendMessage(channel_.get(), waiting_.front(), -1);
    if (transfer == Transfer::Later) return true;
    // Without a launcher there is nobody to tell.
    if (transfer == Transfer::Ended) waiting_.clear();
    else waiting_.pop_front();
  }
  return false;
}

void ConnectionDesk::say(uint64_t number) {
  waiting_.push_back({ConnectionMessage::Close, 0, number});
  flush();
}

std::vector<uint64_t> ConnectionDesk::heldByServer() {
  for (const uint64_t number : withoutDescriptor_) say(number);
  withoutDescriptor_.clear();
  std::vector<uint64_t> numbers;
  numbers.reserve(held_.size());
  for (const auto& entry : held_) numbers.push_back(entry.first);
  return numbers;
}

/** Null when the slot has been given to another connection: this one is over. */
ConnectionSlot* ConnectionDesk::slotOf(uint64_t number, uint32_t slot) const {
  ConnectionSlot* found = table_.slot(slot);
  return found != nullptr && found->number == number ? found : nullptr;
}

Status ConnectionDesk::plan(uint64_t number, uint64_t committedStart, uint64_t committedLength, Plan& plan, std::vector<uint8_t>& request,
                            uint64_t& sent) {
  const auto found = held_.find(number);
  if (found == held_.end()) return unknown(number);
  ConnectionSlot* slot = slotOf(number, found->second.slot);
  TcpAccount account;
  sent = 0;
  plan = Plan();
  plan.fate = Fate::Closed;
  if (slot == nullptr) return Status::ok();
  if (!isTcp(found->second.fd.get())) {
    // Nobody counts its bytes: it is new, or it was served before and is lost.
    plan.fate = openExchange(*slot).loss == LossCause::None ? Fate::Idle : Fate::Reset;
    plan.cause = openExchange(*slot).loss;
    plan.isUsed = plan.fate == Fate::Reset;
    if (plan.isUsed) table_.count(plan);
    return Status::ok();
  }
  const Status status = readTcpAccount(found->second.fd.get(), account);
  if (!status.isOk()) return status;
  const bool isCommitted = committedLength > 0 && openExchange(*slot).inBase == committedStart;
  plan = planConnection(*slot, account, isCommitted ? committedLength : 0);
  if (plan.fate == Fate::Finish) sent = plan.next.outCount;
  if (plan.fate == Fate::FeedAgain) request.assign(slot->request, slot->request + std::min<uint64_t>(plan.next.inCount, REQUEST_BYTES_MAX));
  if (plan.fate == Fate::Idle || plan.fate == Fate::FeedAgain || plan.fate == Fate::Finish) replaceExchange(*slot, plan.next);
  plan.isUsed = account.consumed > 0 || account.written > 0;
  // One that was only accepted is no survivor.
  if (plan.isUsed) table_.count(plan);
  return Status::ok();
}

Status ConnectionDesk::drop(uint64_t number, bool reset) {
  const auto found = held_.find(number);
  if (found == held_.end()) return unknown(number);
  if (reset) resetTcp(found->second.fd.get());
  else (void)shutdown(found->second.fd.get(), SHUT_RDWR);
  held_.erase(found);
  say(number);
  return Status::ok();
}

Status ConnectionDesk::serve(uint64_t number, int& fd) {
  const auto found = held_.find(number);
  if (found == held_.end()) return unknown(number);
  ConnectionSlot* slot = slotOf(number, found->second.slot);
  const int file = found->second.fd.get();
  if (slot != nullptr && (!isTcp(file) || !trackDescriptor(file, slot).isOk()))
    storeExchange(openExchange(*slot).loss, LossCause::Untracked);
  const uint32_t slotIndex = found->second.slot;
  fd = found->second.fd.release();
  held_.erase(found);
  served_[number] = Served{fd, slotIndex};
  return Status::ok();
}

Status ConnectionDesk::release(uint64_t number) {
  const auto found = served_.find(number);
  if (found == served_.end()) return unknown(number);
  untrackDescriptor(found->second.fd);
  // First the end, then the word: whoever still holds it after the word finds an ended connection.
  (void)shutdown(found->second.fd, SHUT_RDWR);
  served_.erase(found);
  say(number);
  return Status::ok();
}

Status ConnectionDesk::handOver(uint64_t number) {
  const auto found = served_.find(number);
  if (found == served_.end()) return unknown(number);
  untrackDescriptor(found->second.fd);
  served_.erase(found);
  return Status::ok();
}

bool ConnectionDesk::listenerOf(uint64_t number, uint32_t& listener) const {
  const auto held = held_.find(number);
  const ConnectionSlot* slot = held == held_.end() ? servedSlot(number) : slotOf(number, held->second.slot);
  if (slot == nullptr) return false;
  listener = slot->listener;
  return true;
}

ConnectionSlot* ConnectionDesk::servedSlot(uint64_t number) const {
  const auto found = served_.find(number);
  return found == served_.end() ? nullptr : slotOf(number, found->second.slot);
}

bool ConnectionDesk::beginRequest(uint64_t number, Handling handling, uint64_t& start) {
  ConnectionSlot* slot = servedSlot(number);
  if (slot == nullptr) return false;
  start = openExchange(*slot).inBase;
  setHandling(number, start, handling);
  return true;
}

bool ConnectionDesk::canCommit(uint64_t number, uint64_t start) {
  ConnectionSlot* slot = servedSlot(number);
  if (slot == nullptr) return false;
  const Exchange& open = openExchange(*slot);
  if (open.inBase != start || open.loss != LossCause::None || open.outCount != 0 || open.inCount == 0) return false;
  const size_t kept = size_t(std::min<uint64_t>(open.inCount, REQUEST_BYTES_MAX));
  const int64_t length = requestLength(slot->request, kept, open.inCount);
  return length > 0 && uint64_t(length) == open.inCount;
}

void ConnectionDesk::setHandling(uint64_t number, uint64_t start, Handling handling) {
  ConnectionSlot* slot = servedSlot(number);
  if (slot == nullptr) return;
  Exchange& open = openExchange(*slot);
  if (open.inBase == start && open.handling != Handling::AnswerVoid) storeExchange(open.handling, handling);
}

}  // namespace mofo
