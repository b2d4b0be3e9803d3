#include "transport/stdio.h"

#include <cstring>

#include "mcp/fault_map.h"
#include "mcp/outgoing.h"
#include "mcp/response_frame.h"
#include "runtime/shard.h"
#include "transport/stdio_framer.h"
#include "transport/streamable_reply.h"

namespace weir {
namespace {

constexpr std::size_t kEventsMax = 10'000;
constexpr std::size_t kOutboxMax = 64 * 1024 * 1024;
constexpr Duration kEndTime = std::chrono::seconds(5);

}  // namespace

/// The later events of a call. Left early, the child is told.
class StdioReply final : public ReplyStream {
 public:
  StdioReply(Stdio& owner, std::string id, TimePoint deadline, CancelScope& cancel)
      : owner_(owner),
        id_(std::move(id)),
        deadline_(deadline),
        patience_(deadline - Shard::current().now()),
        cancel_(cancel) {
    owner_.life_->pending.emplace(id_, &pending_);
  }
  ~StdioReply() override {
    if (!ended_) owner_.forget(id_, pending_.batch <= batch_now());
  }

  Stdio::Pending& pending() noexcept { return pending_; }
  Task<Result<ReplyEvent>> next() override {
    Result<Message> message = co_await owner_.next_event(pending_, deadline_, cancel_);
    if (!message) {
      const bool gone = pending_.failed.has_value();
      if (gone) {
        ended_ = true;
        owner_.forget(id_, owner_.life_ && !owner_.life_->dead);
      }
      co_return fail(message.error());
    }
    if (message->method() == "notifications/progress" && deadline_ != kForever)
      deadline_ = Shard::current().now() + patience_;
    ended_ = message->is_response();
    if (ended_) owner_.forget(id_, false);
    const bool last = ended_;
    co_return ReplyEvent(std::move(*message), last);
  }

 private:
  std::uint64_t batch_now() const noexcept { return owner_.life_ ? owner_.life_->batch : 0; }

  Stdio& owner_;
  std::string id_;
  TimePoint deadline_;
  Duration patience_;
  CancelScope& cancel_;
  Stdio::Pending pending_;
  bool ended_ = false;
};

Stdio::Stdio(Shard& shard, StdioOptions options, std::function<void()> lost)
    : shard_(shard), options_(std::move(options)), lost_(std::move(lost)) {}

Stdio::~Stdio() = default;

void Stdio::put(Life& life, std::string_view message) {
  life.outbox.append(message);
  // A message is one line: line breaks between its tokens are white space.
  const std::size_t begin = life.outbox.size() - message.size();
  for (std::size_t i = begin; i < life.outbox.size(); ++i)
    if (life.outbox[i] == '\n' || life.outbox[i] == '\r') life.outbox[i] = ' ';
  life.outbox += '\n';
  life.outbox_filled.wake();
}

void Stdio::forget(const std::string& id, bool tell) {
  if (!life_) return;
  if (life_->pending.erase(id) != 0 && tell && !life_->dead) put(*life_, cancelled_notification(id));
}

Task<Result<Reply>> Stdio::call(Call& call) {
  if (!life_ || life_->dead || life_->peer.get() != call.peer) {
    call.peer->lost = true;
    co_return fail(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "its process has gone");
  }
  Life& life = *life_;
  if (life.outbox.size() > kOutboxMax)
    co_return fail(Error::Kind::overloaded, Error::Side::upstream, Error::Sent::no, "it reads too slowly");
  const std::string id = std::to_string(next_id_++);
  OutgoingRequest request;
  request.id = id;
  request.target = call.target;
  request.upstream = call.peer->facts.revision;
  request.client = call.client.revision;
  request.client_info = call.client.client_info;
  request.capabilities = call.client.capabilities;
  request.log_level = call.client.log_level;
  request.traceparent = call.trace.parent;
  request.tracestate = call.trace.state;
  std::string text;
  append_request(text, call.message, call.row, request);
  auto rest = std::make_unique<StdioReply>(*this, id, call.deadline, call.cancel);
  rest->pending().batch = life.batch + 1;
  rest->pending().wants_log = !call.client.log_level.empty();
  put(life, text);
  Result<ReplyEvent> first = co_await rest->next();
  if (!first) co_return fail(first.error());
  Reply reply(std::move(*first));
  if (!reply.first.last) reply.rest = std::move(rest);
  co_return reply;
}

Task<Result<Message>> Stdio::next_event(Pending& pending, TimePoint deadline, CancelScope& cancel) {
  while (pending.events.empty()) {
    if (pending.failed) co_return fail(*pending.failed);
    const Wake wake = co_await pending.waiter.wait(deadline, &cancel);
    if (wake == Wake::deadline)
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                     "it did not answer in time");
    if (wake == Wake::cancelled)
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe,
                     "the call was cancelled");
  }
  // Where events never run out, nothing is waited for that could end.
  if (!pending.events.front().is_response()) {
    if (cancel.cancelled())
      co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::maybe,
                     "the call was cancelled");
    if (deadline <= shard_.now())
      co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::maybe,
                     "it reported without end and did not answer in time");
  }
  Message message = std::move(pending.events.front());
  pending.events.pop_front();
  pending.bytes -= message.text().size();
  co_return message;
}

void Stdio::deliver(Life& life, Pending& pending, Message message) {
  (void)life;
  const bool much = pending.events.size() >= kEventsMax || pending.bytes > options_.message_max;
  if (much && !message.is_response()) {
    pending.failed = Error(Error::Kind::too_large, Error::Side::upstream, Error::Sent::maybe,
                           "it reports faster than its client reads");
  } else {
    pending.bytes += message.text().size();
    pending.events.push_back(std::move(message));
  }
  pending.waiter.wake();
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
  if (!message) {
    note("wrote to stdout what is no JSON-RPC message: " + message.error().reason);
    const auto found = life.pending.find(message.error().raw_id);
    if (found != life.pending.end())
      end(*found->second, Error::Kind::upstream_protocol,
          "its answer is no response: " + message.error().reason);
    return;
  }
  if (message->is_response()) {
    const auto found = life.pending.find(message->raw_id());
    if (found != life.pending.end()) deliver(life, *found->second, std::move(*message));
    return;
  }
  if (message->is_request()) {
    std::string answer;
    if (message->method() == "ping") {
      answer = R"({"jsonrpc":"2.0","id":)" + std::string(message->raw_id()) + R"(,"result":{}})";
    } else {
      append_error(answer, message->raw_id(), -32601, "no client takes requests through this gateway");
    }
    if (life.outbox.size() < kOutboxMax) put(life, answer);
    return;
  }
  if (message->method() == "notifications/progress") {
    const auto found = life.pending.find(message->param().find("progressToken"));
    if (found != life.pending.end()) deliver(life, *found->second, std::move(*message));
  } else if (message->method() == "notifications/message" && life.pending.size() == 1) {
    // Whose it is can be told only when one call alone is under way.
    Pending& only = *life.pending.begin()->second;
    if (only.wants_log) deliver(life, only, std::move(*message));
  }
}

void Stdio::end(Pending& pending, Error::Kind kind, std::string detail) {
  pending.failed = Error(kind, Error::Side::upstream, Error::Sent::maybe, std::move(detail));
  pending.waiter.wake();
}

// A line that is left out: the call that it answers, if that can be told, ends now.
void Stdio::take_overlong(Life& life, std::string_view begin) {
  note("wrote a line longer than limits.message to stdout; it is left out");
  const std::optional<FrameHead> head = frame_at_head(begin);
  auto found = head && !head->id.empty() ? life.pending.find(head->id) : life.pending.end();
  // Its id comes behind the result: it can be no other's where one alone is under way.
  if (found == life.pending.end() && life.pending.size() == 1 &&
      begin.find("\"method\"") == std::string_view::npos)
    found = life.pending.begin();
  if (found != life.pending.end())
    end(*found->second, Error::Kind::too_large, "its answer is larger than limits.message");
}

Task<void> Stdio::read(Life& life) {
  StdioFramer framer(options_.message_max);
  Channel& wire = life.child->wire();
  while (true) {
    const Result<std::size_t> got = co_await wire.fill(kForever, &life.stop);
    if (!got || *got == 0) co_return;
    while (!wire.pending().empty()) {
      const std::span<char> window = framer.window();
      const std::size_t size = std::min(window.size(), wire.pending().size());
      std::memcpy(window.data(), wire.pending().data(), size);
      framer.received(size);
      wire.consume(size);
      while (std::optional<Result<Bytes>> line = framer.next()) {
        if (*line)
          take(life, std::move(**line));
        else
          take_overlong(life, framer.overlong_begin());
      }
    }
  }
}

Task<void> Stdio::write(Life& life) {
  while (!life.stop.cancelled()) {
    if (life.outbox.empty()) {
      const Wake wake = co_await life.outbox_filled.wait(kForever, &life.stop);
      if (wake == Wake::cancelled) co_return;
      continue;
    }
    const std::string batch = std::exchange(life.outbox, {});
    ++life.batch;
    const iovec piece{const_cast<char*>(batch.data()), batch.size()};
    const Result<void> written =
        co_await life.child->wire().write(std::span<const iovec>(&piece, 1), kForever, &life.stop);
    if (!written) co_return;
  }
}

// Its stderr, for the log.
Task<void> Stdio::listen(Life& life) {
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
  for (auto& [id, pending] : life.pending) {
    const bool sent = pending->batch <= life.batch;
    pending->failed =
        Error(sent ? Error::Kind::outcome_unknown : Error::Kind::unreachable, Error::Side::upstream,
              sent ? Error::Sent::maybe : Error::Sent::no, "its process ended: " + how);
    pending->waiter.wake();
  }
  if (life.peer) {
    life.peer->lost = true;
    lost_();
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

Task<Result<std::shared_ptr<const Peer>>> Stdio::greet(TimePoint deadline, CancelScope& cancel) {
  co_await end_life();
  Result<std::unique_ptr<ChildProcess>> child =
      ChildProcess::start(shard_.network(), options_.child, options_.name);
  if (!child) co_return fail(child.error());
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.child = std::move(*child);
  life.fibers.start(read(life));
  life.fibers.start(write(life));
  life.fibers.start(listen(life));
  life.fibers.start(watch(life));
  Result<std::shared_ptr<const Peer>> peer = co_await shake_hands(deadline, cancel);
  if (peer && !life.dead) {
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
