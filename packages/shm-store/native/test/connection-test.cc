// A connection whose process dies at any point between two system calls or stores: what is planned must be what truly happened. The kernel is played by two
// counts; what it says of real sockets is tested at the end.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cstring>
#include <thread>
#include <memory>
#include <string>
#include <vector>
#include "../answer-meter.h"
#include "../connection-hub.h"
#include "../connection-plan.h"
#include "check.h"

namespace mofo::test {

namespace {

const std::string GET = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string HEAD = "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string POST = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
const std::string CHUNKED_POST = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const std::string PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string CLOSING = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const std::string HEADS = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
// Its first chunk ends as the last one does.
const std::string CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nab0\r\n\r\n\r\n0\r\n\r\n";
const std::string EMPTY = "HTTP/1.1 204 No Content\r\n\r\n";

const uint8_t* bytesOf(const std::string& text) { return reinterpret_cast<const uint8_t*>(text.data()); }


/** One connection with its kernel, its process and the process's death after so many steps. */
struct Play {
  std::unique_ptr<ConnectionSlot> slot = std::make_unique<ConnectionSlot>();
  AnswerMeter meter;
  TcpAccount kernel{true, 0, 0};
  int stepsLeft;
  bool isDead = false;

  explicit Play(int steps) : stepsLeft(steps) {
    memset(slot.get(), 0xee, sizeof *slot);
    slot->current = 0;
    beginConnection(*slot, 7);
  }

  /** False from the moment of death on. */
  bool step() {
    if (stepsLeft-- <= 0) isDead = true;
    return !isDead;
  }

  void read(const std::string& text) {
    size_t room = text.size();
    if (!step()) return;
    uint8_t* kept = beginRead(*slot, room);
    if (!step()) return;
    if (kept == nullptr) room = text.size();
    else memcpy(kept, text.data(), room);
    kernel.consumed += room;
    if (!step()) return;
    endRead(*slot, room);
    if (room < text.size()) read(text.substr(room));
  }

  /** Writes in pieces of which the kernel takes so many bytes at a time. */
  void write(const std::string& text, size_t atATime = ~size_t(0)) {
    for (size_t at = 0; at < text.size() && !isDead;) {
      const Piece piece{bytesOf(text) + at, text.size() - at};
      if (!step()) return;
      meter.show(*slot, &piece, 1);
      const size_t taken = std::min(atATime, piece.count);
      if (!step()) return;
      kernel.written += taken;
      if (!step()) return;
      meter.wrote(*slot, taken);
      at += taken;
    }
  }

  Plan plan(uint64_t committed = 0) { return planConnection(*slot, kernel, committed); }
};

constexpr int STEPS_MAX = 200;

/** Kills the process at every step of serving one exchange after another, and checks each plan against what was read and written. */
void everyCut(const std::string& request, const std::string& answer, size_t atATime, bool closes = false) {
  for (int steps = 0; steps < STEPS_MAX; steps++) {
    Play play(steps);
    for (int exchange = 0; exchange < 3 && !play.isDead; exchange++) {
      play.read(request);
      play.write(answer, atATime);
    }
    const uint64_t exchanges = play.kernel.written / answer.size(), sent = play.kernel.written % answer.size();
    const uint64_t consumed = play.kernel.consumed - exchanges * request.size();
    const Plan plan = play.plan();
    const std::string where = " at step " + std::to_string(steps);
    if (consumed == 0 && sent == 0) {
      CHECK_MESSAGE(plan.fate == (closes && exchanges > 0 ? Fate::Closed : Fate::Idle), where);
      CHECK_MESSAGE(plan.fate != Fate::Idle || (plan.next.inBase == play.kernel.consumed && plan.next.outBase == play.kernel.written), where);
    } else if (sent > 0) {
      CHECK_MESSAGE(plan.fate == Fate::Reset && plan.cause == LossCause::AnswerStarted, where);
    } else if (request == CHUNKED_POST) {
      CHECK_MESSAGE(plan.fate == Fate::Reset && plan.cause == LossCause::Chunked, where);
    } else {
      CHECK_MESSAGE(plan.fate == Fate::FeedAgain && plan.next.inCount == request.size(), where);
      CHECK_MESSAGE(memcmp(play.slot->request, request.data(), request.size()) == 0, where);
    }
    if (closes && exchanges > 0) break;
    if (!play.isDead) return;
  }
}

MessageHead headOf(const std::string& text, bool isAnswer = false) { return parseHead(bytesOf(text), text.size(), isAnswer); }

}  // namespace

TEST("a head tells the length of its message, or that it does not") {
  CHECK(headOf(GET).state == MessageHead::State::Known && headOf(GET).headBytes == GET.size() && headOf(GET).contentLength == -1);
  CHECK(headOf(POST).contentLength == 5 && headOf(POST).headBytes + 5 == POST.size());
  CHECK(headOf(CHUNKED, true).isChunked && headOf(CHUNKED, true).statusCode == 200);
  CHECK(headOf(CLOSING, true).closes && !headOf(PLAIN, true).closes);
  for (size_t count = 0; count < GET.size(); count++) CHECK(parseHead(bytesOf(GET), count, false).state == MessageHead::State::Incomplete);
  const std::vector<std::string> unclear = {
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\n\n",
      "nonsense nonsense\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  };
  for (const std::string& text : unclear) CHECK_MESSAGE(headOf(text).state == MessageHead::State::Unknowable, text);
}

TEST("any bytes are only ever a head, the beginning of one, or unclear") {
  uint32_t random = 1;
  const std::string alphabet = "GET /HTTP1.\r\n: content-length5transfer-encodingchunked0;a";
  for (int run = 0; run < 20000; run++) {
    std::string text;
    for (int i = 0; i < run % 80; i++) {
      random = random * 1664525 + 1013904223;
      text += alphabet[(random >> 16) % alphabet.size()];
    }
    // In memory of exactly that size, so that the sanitizer sees a step beyond.
    const std::vector<uint8_t> bytes(text.begin(), text.end());
    for (const bool isAnswer : {false, true}) CHECK(parseHead(bytes.data(), bytes.size(), isAnswer).headBytes <= bytes.size());
    CHECK(requestLength(bytes.data(), bytes.size(), bytes.size()) <= int64_t(bytes.size()) + (int64_t(1) << 52));
    ChunkMeter meter;
    CHECK(meter.feed(bytes.data(), bytes.size()) <= bytes.size());
  }
}

TEST("chunks end where they end, in whatever pieces they come") {
  const std::string body = "5;x=y\r\nhello\r\nA\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n";
  for (size_t first = 0; first <= body.size(); first++) {
    ChunkMeter meter;
    size_t taken = meter.feed(bytesOf(body), first);
    CHECK(meter.state() == (first == body.size() ? ChunkMeter::State::Ended : ChunkMeter::State::Open));
    taken += meter.feed(bytesOf(body) + first, body.size() - first);
    CHECK(taken == body.size() && meter.state() == ChunkMeter::State::Ended);
  }
  for (const std::string text : {"x\r\n", "\r\n", "5\r\nhelloX", "5\nhello", "11111111111111\r\n"}) {
    ChunkMeter meter;
    meter.feed(bytesOf(text), text.size());
    CHECK_MESSAGE(meter.state() == ChunkMeter::State::Malformed, text);
  }
}

TEST("a process that dies at any step leaves a plan that is true") {
  for (const size_t atATime : {~size_t(0), size_t(7), size_t(1)}) {
    everyCut(GET, PLAIN, atATime);
    everyCut(GET, CHUNKED, atATime);
    everyCut(GET, EMPTY, atATime);
    everyCut(HEAD, HEADS, atATime);
    everyCut(POST, PLAIN, atATime);
    everyCut(CHUNKED_POST, PLAIN, atATime);
    everyCut(GET, CLOSING, atATime, true);
  }
}

TEST("a committed answer is finished from the first byte that was not written") {
  for (int steps = 0; steps < STEPS_MAX; steps++) {
    Play play(steps);
    play.read(GET);
    play.write(PLAIN);
    play.read(POST);
    // Committed before anything of it is written.
    const bool isCommitted = play.step();
    if (isCommitted) storeExchange(openExchange(*play.slot).handling, Handling::MayHaveEffects);
    play.write(PLAIN, 3);
    if (!isCommitted) continue;
    const uint64_t sent = play.kernel.written - PLAIN.size();
    const Plan plan = play.plan(PLAIN.size());
    CHECK(plan.fate == (sent == PLAIN.size() ? Fate::Idle : Fate::Finish));
    CHECK(plan.fate == Fate::Idle || (plan.next.outCount == sent && plan.next.answerLength == int64_t(PLAIN.size())));
    if (!play.isDead) return;
  }
  CHECK(!"the play came to its end");
}

TEST("a process that finishes an answer and dies in it leaves the rest to the next one") {
  Play play(STEPS_MAX);
  play.read(POST);
  play.kernel.written += 10;
  replaceExchange(*play.slot, play.plan(PLAIN.size()).next);
  play.meter = AnswerMeter();
  play.write(PLAIN.substr(10, 5));
  Plan plan = play.plan(PLAIN.size());
  CHECK(plan.fate == Fate::Finish && plan.next.outCount == 15);
  replaceExchange(*play.slot, plan.next);
  play.write(PLAIN.substr(15));
  CHECK(play.plan(PLAIN.size()).fate == Fate::Idle);
  play.read(GET);
  CHECK(play.plan().fate == Fate::FeedAgain && play.plan().next.inBase == POST.size());
}

TEST("what may have had effects is not fed again, and nothing is fed twice") {
  Play play(STEPS_MAX);
  play.read(POST);
  CHECK(play.plan().fate == Fate::FeedAgain);
  Exchange& open = openExchange(*play.slot);
  open.handling = Handling::BeforeCommit;
  CHECK(play.plan().fate == Fate::FeedAgain);
  open.handling = Handling::MayHaveEffects;
  CHECK(play.plan().cause == LossCause::NotRepeatable);
  open.handling = Handling::AnswerVoid;
  CHECK(play.plan(PLAIN.size()).cause == LossCause::AnswerMissing);
  open.handling = Handling::None;
  replaceExchange(*play.slot, play.plan().next);
  CHECK(play.plan().fate == Fate::Reset && play.plan().cause == LossCause::Poison);
}

TEST("a request that comes before the answer to the one before costs the connection its protection") {
  Play play(STEPS_MAX);
  play.read(GET + GET);
  CHECK(play.plan().cause == LossCause::Pipelined);
  play.write(PLAIN);
  play.write(PLAIN);
  play.read(GET);
  CHECK(play.plan().fate == Fate::Reset && play.plan().cause == LossCause::Pipelined);
}

TEST("a long request is answered and forgotten, and cannot be fed again") {
  const std::string body(3 * REQUEST_BYTES_MAX, 'x');
  const std::string request = "POST /a HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  Play play(STEPS_MAX);
  play.read(request);
  CHECK(play.plan().fate == Fate::Reset && play.plan().cause == LossCause::TooBig);
  play.write(PLAIN);
  CHECK(play.plan().fate == Fate::Idle);
  play.read(GET);
  CHECK(play.plan().fate == Fate::FeedAgain);
}

TEST("an answer before the end of its request waits for that end") {
  Play play(STEPS_MAX);
  play.read(POST.substr(0, POST.size() - 2));
  play.write(PLAIN);
  CHECK(play.plan().fate == Fate::Reset);
  play.read(POST.substr(POST.size() - 2));
  CHECK(play.plan().fate == Fate::Idle);
  play.read(GET);
  CHECK(play.plan().fate == Fate::FeedAgain);
}

TEST("interim answers, bytes without a request and counts that disagree are not guessed at") {
  Play interim(STEPS_MAX);
  interim.read(POST);
  interim.write("HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(interim.plan().cause == LossCause::Unreadable);
  Play unasked(STEPS_MAX);
  unasked.write(PLAIN);
  CHECK(unasked.plan().fate == Fate::Reset);
  Play other(STEPS_MAX);
  other.read(GET);
  other.kernel.consumed -= 1;
  CHECK(other.plan().cause == LossCause::Unaccounted);
  other.kernel.isOpen = false;
  CHECK(other.plan().fate == Fate::Closed);
  Play hostile(STEPS_MAX);
  memset(hostile.slot.get(), 0xff, sizeof *hostile.slot);
  hostile.kernel.consumed = ~uint64_t(0);
  CHECK(hostile.plan().fate == Fate::Reset);
}

namespace {

/** Two ends of a real connection over loopback. */
struct Loopback {
  FileDescriptor client, server;
  Loopback() {
    FileDescriptor listener(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    CHECK(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(listener.get(), 1) == 0);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
    client = FileDescriptor(socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connect(client.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    server = FileDescriptor(accept(listener.get(), nullptr, nullptr));
  }
};

void awaitInput(int fd) {
  pollfd one = {fd, POLLIN, 0};
  CHECK(poll(&one, 1, 5000) == 1);
}

TcpAccount accountOf(int fd) {
  TcpAccount account;
  CHECK(readTcpAccount(fd, account).isOk());
  return account;
}

}  // namespace

TEST("the kernel counts what was taken and given, with and without the peer's end") {
  Loopback pair;
  CHECK(write(pair.client.get(), GET.data(), GET.size()) == ssize_t(GET.size()));
  awaitInput(pair.server.get());
  CHECK(accountOf(pair.server.get()).consumed == 0);
  char buffer[10];
  CHECK(read(pair.server.get(), buffer, sizeof buffer) == 10);
  CHECK(write(pair.server.get(), PLAIN.data(), PLAIN.size()) == ssize_t(PLAIN.size()));
  CHECK(accountOf(pair.server.get()).consumed == 10 && accountOf(pair.server.get()).written == PLAIN.size());
  CHECK(shutdown(pair.client.get(), SHUT_WR) == 0);
  pollfd ended = {pair.server.get(), POLLRDHUP, 0};
  CHECK(poll(&ended, 1, 5000) == 1);
  CHECK(accountOf(pair.server.get()).isOpen && accountOf(pair.server.get()).consumed == 10);
  char rest[100];
  CHECK(read(pair.server.get(), rest, sizeof rest) == ssize_t(GET.size()) - 10 && read(pair.server.get(), rest, sizeof rest) == 0);
  CHECK(accountOf(pair.server.get()).consumed == GET.size());
}

TEST("the kernel counts what a slow peer has not taken yet") {
  Loopback pair;
  const std::vector<char> much(1 << 16, 'x');
  uint64_t written = 0;
  for (ssize_t count; (count = send(pair.server.get(), much.data(), much.size(), MSG_DONTWAIT)) > 0;) written += uint64_t(count);
  CHECK(written > 0 && accountOf(pair.server.get()).written == written);
}

TEST("the counts are of one moment while the peer acknowledges and sends") {
  Loopback pair;
  std::atomic<bool> isOver{false};
  // The peer reads all it gets, which acknowledges it, and sends bytes of its own, which are not read.
  std::thread peer([&] {
    char buffer[64];
    while (!isOver) {
      (void)recv(pair.client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      (void)send(pair.client.get(), "x", 1, MSG_DONTWAIT);
    }
  });
  uint64_t written = 0, consumed = 0;
  int wrong = 0;
  for (int i = 0; i < 20000; i++) {
    char byte;
    if (send(pair.server.get(), "y", 1, MSG_DONTWAIT) == 1) written++;
    if (recv(pair.server.get(), &byte, 1, MSG_DONTWAIT) == 1) consumed++;
    const TcpAccount account = accountOf(pair.server.get());
    if (account.isCoherent && (account.written != written || account.consumed != consumed)) wrong++;
  }
  isOver = true;
  peer.join();
  CHECK_MESSAGE(wrong == 0, std::to_string(wrong) + " of 20000");
  CHECK(written > 1000 && consumed > 100);
}

TEST("a reset reaches the peer while others hold the descriptor") {
  Loopback pair;
  const FileDescriptor other(dup(pair.server.get()));
  resetTcp(pair.server.get());
  awaitInput(pair.client.get());
  char buffer[1];
  CHECK(read(pair.client.get(), buffer, 1) == -1 && errno == ECONNRESET);
  CHECK(!accountOf(other.get()).isOpen);
}

namespace {

/** What a process hears next. */
ConnectionMessage hear(int channel, FileDescriptor& fd) {
  awaitInput(channel);
  ConnectionMessage message = {};
  CHECK(receiveMessage(channel, message, fd) == Transfer::Done);
  return message;
}

/** A launcher that accepts, and its clients. */
struct Launched {
  FileDescriptor listener{socket(AF_INET, SOCK_STREAM, 0)};
  sockaddr_in address = {};
  ConnectionHub hub;

  explicit Launched(uint32_t slots) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    CHECK(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0 && listen(listener.get(), 64) == 0);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
    uint32_t number = 0;
    CHECK(hub.start(slots).isOk());
    CHECK(hub.addListener(listener.get(), number).isOk());
  }
  FileDescriptor client() {
    FileDescriptor fd(socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
};

}  // namespace

TEST("every process gets every connection, also one that comes later, until somebody says that it is over") {
  Launched launched(2);
  FileDescriptor main, clone, fd, other;
  CHECK(launched.hub.addProcess(main).isOk() && launched.hub.addProcess(clone).isOk());
  const FileDescriptor first = launched.client(), second = launched.client(), waiting = launched.client();
  const ConnectionMessage one = hear(main.get(), fd), two = hear(main.get(), other);
  CHECK(one.kind == ConnectionMessage::Opened && two.number > one.number && one.slot != two.slot && fd && other);
  CHECK(hear(clone.get(), fd).number == one.number && hear(clone.get(), fd).number == two.number);
  FileDescriptor later;
  CHECK(launched.hub.addProcess(later).isOk());
  CHECK(hear(later.get(), fd).number == one.number && hear(later.get(), fd).number == two.number);
  CHECK(launched.hub.heldCount() == 2);
  // The third waits in the listening socket until there is a slot.
  CHECK(sendMessage(main.get(), {ConnectionMessage::Close, 0, one.number}, -1) == Transfer::Done);
  CHECK(hear(clone.get(), fd).kind == ConnectionMessage::Closed);
  const ConnectionMessage three = hear(main.get(), fd);
  CHECK(three.kind == ConnectionMessage::Opened && three.number > two.number && three.slot == one.slot);
}

TEST("a process that ends takes nothing with it, and what it had said last is heard") {
  Launched launched(8);
  FileDescriptor main, clone, fd;
  CHECK(launched.hub.addProcess(main).isOk() && launched.hub.addProcess(clone).isOk());
  const FileDescriptor first = launched.client(), second = launched.client();
  const uint64_t one = hear(main.get(), fd).number, two = hear(main.get(), fd).number;
  CHECK(hear(clone.get(), fd).number == one && hear(clone.get(), fd).number == two);
  CHECK(sendMessage(main.get(), {ConnectionMessage::Close, 0, one}, -1) == Transfer::Done);
  main.reset();
  const ConnectionMessage heard = hear(clone.get(), fd);
  CHECK(heard.kind == ConnectionMessage::Closed && heard.number == one);
  FileDescriptor next;
  CHECK(launched.hub.addProcess(next).isOk());
  CHECK(hear(next.get(), fd).number == two && fd);
}

TEST("a process that takes nothing holds nobody up, and catches up when it does") {
  Launched launched(4);
  FileDescriptor main, stopped, fd;
  CHECK(launched.hub.addProcess(main).isOk() && launched.hub.addProcess(stopped).isOk());
  const int rounds = 2000;
  uint64_t first = 0;
  for (int i = 0; i < rounds; i++) {
    const FileDescriptor client = launched.client();
    const ConnectionMessage message = hear(main.get(), fd);
    if (i == 0) first = message.number;
    CHECK(sendMessage(main.get(), {ConnectionMessage::Close, 0, message.number}, -1) == Transfer::Done);
  }
  const FileDescriptor last = launched.client();
  const uint64_t number = hear(main.get(), fd).number;
  ConnectionMessage message = {};
  while (message.number != number) message = hear(stopped.get(), fd);
  CHECK(message.kind == ConnectionMessage::Opened && fd && number == first + uint64_t(rounds));
}

TEST("a table is recognised, and nothing else is taken for one") {
  ConnectionTable table, same, none;
  CHECK(table.create(4).isOk() && same.attach(table.fd()).isOk() && same.slotCount() == 4);
  CHECK(same.slot(3) != nullptr && same.slot(4) == nullptr && same.slot(~uint64_t(0)) == nullptr);
  CHECK(!none.attach(0).isOk() && !none.attach(-1).isOk());
  CHECK(ftruncate(table.fd(), 0) != 0);
}

}  // namespace mofo::test

int main(int count, char** arguments) { return mofo::test::runCases(count, arguments); }
