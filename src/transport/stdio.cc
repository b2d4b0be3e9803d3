#include "transport/stdio.h"

#include <cstring>

#include "runtime/shard.h"
#include "transport/stdio_framer.h"

namespace weir {
namespace {

constexpr std::size_t kOutboxMax = 64 * 1024 * 1024;
constexpr Duration kDyingTime = std::chrono::milliseconds(500);  // between a pipe's end and its process'
constexpr Duration kEndTime = std::chrono::seconds(5);

}  // namespace

Stdio::Stdio(Shard& shard, StdioOptions options, TransportHooks hooks)
    : shard_(shard), options_(std::move(options)), hooks_(std::move(hooks)) {}

Stdio::~Stdio() = default;

bool Stdio::Life::put(std::string_view message, std::string_view) {
  if (outbox.size() > kOutboxMax) return false;
  outbox.append(message);
  // A message is one line: line breaks between its tokens are white space.
  const std::size_t begin = outbox.size() - message.size();
  for (std::size_t i = begin; i < outbox.size(); ++i)
    if (outbox[i] == '\n' || outbox[i] == '\r') outbox[i] = ' ';
  outbox += '\n';
  outbox_filled.wake();
  return true;
}

Task<Result<Reply>> Stdio::call(Call& call) {
  if (!life_ || life_->dead || life_->peer.get() != call.peer) {
    call.peer->lost = true;
    co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "its process has gone");
  }
  const std::string id = std::to_string(next_id_++);
  co_return co_await life_->talk->call(call, id);
}

// A line for the log, within its quota.
void Stdio::note(std::string_view line) {
  if (!options_.wrote || !quota_.admit(shard_.now())) return;
  if (const std::uint64_t dropped = quota_.take_dropped(); dropped != 0)
    options_.wrote(std::to_string(dropped) + " lines were left out: it writes too many");
  options_.wrote(line);
}

// One line of its stdout.
void Stdio::take(Life& life, Bytes line) {
  auto message = Message::index(std::move(line), JsonLimits(), Message::From::upstream);
  if (message) {
    // From 2026-07-28 on servers ask in their results.
    if (message->is_request() && life.peer && is_new(life.peer->facts.revision)) return;
    life.talk->take(std::move(*message));
    if (const std::uint64_t logs = life.talk->take_logs_left_out(); logs != 0)
      note(std::to_string(logs) + " log messages were left out: it logs faster than the client reads");
    return;
  }
  note("wrote to stdout what is no JSON-RPC message: " + message.error().reason);
  life.talk->take_broken(message.error());
}

void Stdio::notify(const Peer& peer, std::string message) {
  if (life_ && life_->peer.get() == &peer) life_->talk->put(message);
}

Task<void> Stdio::read(Life& life) {
  StdioFramer framer(options_.message_max);
  Channel& wire = life.child->wire();
  while (true) {
    const Result<std::size_t> got = co_await wire.fill(kForever, &life.stop);
    if (!got || *got == 0) co_return co_await fallen_silent(life, "it closed its stdout");
    while (!wire.pending().empty()) {
      const std::span<char> window = framer.window();
      const std::size_t size = std::min(window.size(), wire.pending().size());
      std::memcpy(window.data(), wire.pending().data(), size);
      framer.received(size);
      wire.consume(size);
      while (std::optional<Result<Bytes>> line = framer.next()) {
        if (*line) {
          take(life, std::move(**line));
        } else {
          note("wrote a line longer than limits.message to stdout; it is left out");
          life.talk->take_overlong(framer.overlong_begin());
        }
      }
    }
  }
}

Task<void> Stdio::write(Life& life) {
  Channel& wire = life.child->wire();
  wire.wake_unread(&life.outbox_filled);
  while (!life.stop.cancelled()) {
    // What was written last may lie in the pipe for ever.
    if (wire.unread()) co_return co_await fallen_silent(life, "it closed its stdin");
    if (life.outbox.empty()) {
      const Wake wake = co_await life.outbox_filled.wait(kForever, &life.stop);
      if (wake == Wake::cancelled) co_return;
      continue;
    }
    const std::string batch = std::exchange(life.outbox, {});
    ++life.batch_now;
    const iovec piece{const_cast<char*>(batch.data()), batch.size()};
    const Result<void> written = co_await wire.write(std::span<const iovec>(&piece, 1), kForever, &life.stop);
    if (!written) co_return co_await fallen_silent(life, "it closed its stdin");
  }
}

// Its stderr, for the log.
Task<void> Stdio::hear(Life& life) {
  LogLines lines;
  Channel& diary = life.child->diary();
  const auto say = [this](const LogLines::Line& line) { note(line.text); };
  while (true) {
    const Result<std::size_t> got = co_await diary.fill(kForever, &life.stop);
    if (!got || *got == 0) break;
    lines.feed(diary.pending(), say);
    diary.consume(diary.pending().size());
  }
  lines.finish(say);
}

// Its death: all calls under way end, and the next greeting begins a new life.
Task<void> Stdio::watch(Life& life) {
  const std::string how = co_await life.child->wait(life.stop);
  life.dead = true;
  if (const std::uint64_t dropped = quota_.take_dropped(); dropped != 0 && options_.wrote)
    options_.wrote(std::to_string(dropped) + " lines were left out: it wrote too many");
  if (!life.stop.cancelled() && options_.wrote) options_.wrote(how);
  give_up(life, "its process ended: " + how);
}

// A pipe of its has ended: mostly because it ends itself, which says more. One that stays without can't be
// spoken with, and the next greeting ends it.
Task<void> Stdio::fallen_silent(Life& life, std::string_view how) {
  const TimePoint deadline = shard_.now() + kDyingTime;
  while (!life.dead && !life.stop.cancelled() && shard_.now() < deadline)
    co_await Sleep(shard_.now() + std::chrono::milliseconds(5), &life.stop);
  if (life.dead || life.stop.cancelled()) co_return;
  if (!life.over) note(how);
  give_up(life, how);
}

// All calls under way end, and whoever keeps it greets anew.
void Stdio::give_up(Life& life, std::string_view how) {
  if (std::exchange(life.over, true)) return;
  life.talk->end(how);
  if (life.peer) {
    life.peer->lost = true;
    hooks_.lost();
  }
}

Task<void> Stdio::end_life() {
  if (!life_) co_return;
  Life& life = *life_;
  life.child->end();
  const TimePoint deadline = shard_.now() + kEndTime;
  while (!life.dead && shard_.now() < deadline)
    co_await Sleep(shard_.now() + std::chrono::milliseconds(5), nullptr);
  life.stop.cancel();
  co_await life.fibers.join();
  life_.reset();
}

Task<void> Stdio::close() { return end_life(); }

Task<Result<std::shared_ptr<const Peer>>> Stdio::greet(const Introduction& as, TimePoint deadline,
                                                       CancelScope& cancel) {
  co_await end_life();
  Result<std::unique_ptr<ChildProcess>> child =
      ChildProcess::start(shard_.network(), options_.child, options_.name);
  if (!child) co_return fail(child.error());
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.child = std::move(*child);
  life.talk = std::make_shared<Conversation>(life, options_.message_max, hooks_.stray);
  life.fibers.start(read(life));
  life.fibers.start(write(life));
  life.fibers.start(hear(life));
  life.fibers.start(watch(life));
  Result<std::shared_ptr<const Peer>> peer = co_await shake_hands(as, deadline, cancel);
  if (peer && !life.dead && !life.over) {
    life.peer = *peer;
    co_return peer;
  }
  if (!peer && peer.error().kind() == Error::Kind::outcome_unknown)
    peer = fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, peer.error().detail());
  if (peer)
    peer = fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "its process ended");
  co_await end_life();
  co_return peer;
}

}  // namespace weir
