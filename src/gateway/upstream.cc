#include "gateway/upstream.h"

#include <algorithm>

#include "base/random.h"
#include "base/url.h"
#include "gateway/homed_reply.h"
#include "runtime/hop.h"

namespace weir {
namespace {

// A child that died is not started again sooner, however much it is wanted.
constexpr Duration kRestMin = std::chrono::seconds(1);

}  // namespace

std::string_view to_string(ServerState state) noexcept {
  switch (state) {
    case ServerState::starting:
      return "starting";
    case ServerState::ready:
      return "ready";
    case ServerState::needs_authorization:
      return "needs_authorization";
    case ServerState::unreachable:
      return "unreachable";
    case ServerState::stopped:
      return "stopped";
  }
  return "unknown";
}

namespace {

std::string endpoint_of(const ServerConfig& server) {
  switch (server.type) {
    case ServerConfig::Type::http:
    case ServerConfig::Type::sse:
      return display_url(server.url);
    case ServerConfig::Type::stdio:
      return "stdio:" + server.name + "#0";
    case ServerConfig::Type::builtin:
      return "builtin:" + server.builtin;
  }
  return {};
}

}  // namespace

/// A caller that waits for the next outcome of getting to know the server. Home shard.
struct Upstream::Wish {
  Waiter waiter;
  std::optional<Result<std::shared_ptr<const Peer>>> outcome;
};

/// One shard's view: touched by that shard only.
struct Upstream::Seat {
  explicit Seat(const Published<ServerStatus>& status) : reader(status) {}
  Published<ServerStatus>::Reader reader;
  std::unique_ptr<Transport> transport;
  CancelScope stop;  // ends the calls that outlive the deadline of close()
};

namespace {

Error stopped_error() {
  return Error(Error::Kind::shutting_down, Error::Side::gateway, Error::Sent::no, "it is stopped");
}

// What a call says that ended with its server and not by its client.
Error stopped(const CancelScope& stop, Error error) {
  if (!stop.cancelled() || error.kind() != Error::Kind::cancelled) return error;
  if (error.sent() == Error::Sent::no) return stopped_error();
  return Error(Error::Kind::outcome_unknown, Error::Side::gateway, Error::Sent::maybe,
               "it was stopped before it had answered");
}

// Whatever became of the greeting: of the calls that wait for it nothing was sent.
Error never_sent(Error error) {
  if (error.kind() == Error::Kind::outcome_unknown)
    error = Error(Error::Kind::unreachable, error.side(), Error::Sent::no, error.detail());
  error.set_sent(Error::Sent::no);
  return error;
}

/// A stream that ends with its server's seat.
class StoppableReply final : public ReplyStream {
 public:
  StoppableReply(Upstream& owner, std::unique_ptr<ReplyStream> rest, CancelScope& stop, CancelScope& cancel,
                 std::function<void()> asked)
      : owner_(owner), stop_(stop), link_(stop, cancel), asked_(std::move(asked)), rest_(std::move(rest)) {}
  Task<Result<ReplyEvent>> next(TimePoint until) override {
    Result<ReplyEvent> event = co_await rest_->next(until);
    if (event && event->asker && asked_) asked_();
    if (!event) co_return fail(stopped(stop_, event.error()));
    co_return event;
  }
  void pause() override {
    asking_ = owner_.client_asked();
    rest_->pause();
  }
  void resume() override {
    asking_ = Counted();
    rest_->resume();
  }

 private:
  Upstream& owner_;
  CancelScope& stop_;
  ScopeLink link_;
  std::function<void()> asked_;  // the server asks its client for something
  Counted asking_;
  std::unique_ptr<ReplyStream> rest_;
};

/// The same for a large result.
class StoppableLarge final : public LargeResult {
 public:
  StoppableLarge(std::unique_ptr<LargeResult> large, CancelScope& stop, CancelScope& cancel)
      : stop_(stop), link_(stop, cancel), large_(std::move(large)) {}
  std::optional<std::uint64_t> length() const noexcept override { return large_->length(); }
  Task<Result<std::span<const std::string_view>>> next() override {
    Result<std::span<const std::string_view>> pieces = co_await large_->next();
    if (!pieces) co_return fail(stopped(stop_, pieces.error()));
    co_return pieces;
  }
  bool tool_error() const noexcept override { return large_->tool_error(); }

 private:
  CancelScope& stop_;
  ScopeLink link_;
  std::unique_ptr<LargeResult> large_;
};

}  // namespace

Upstream::Upstream(ServerConfig config, Options options, TransportFactory factory,
                   std::span<Shard* const> shards, std::size_t home)
    : config_(std::move(config)),
      endpoint_(endpoint_of(config_)),
      options_(std::move(options)),
      factory_(std::move(factory)),
      shards_(shards.begin(), shards.end()),
      home_(*shards_[home]),
      status_(std::make_shared<const ServerStatus>()),
      links_(link_options()),
      watch_(watch_options()) {
  for (std::size_t i = 0; i < shards_.size(); ++i) seats_.push_back(std::make_unique<Seat>(status_));
}

Upstream::~Upstream() = default;

Transport& Upstream::transport(Shard& shard) {
  Seat& seat = *seats_[shard.index()];
  if (!seat.transport) {
    TransportHooks hooks;
    hooks.lost = [this] { nudge_.wake(); };
    hooks.stray = [this](Message message, std::shared_ptr<ServerLink> asker) {
      stray({}, std::move(message), std::move(asker));
    };
    seat.transport = factory_(shard, std::move(hooks));
  }
  return *seat.transport;
}

void Upstream::start() {
  home_.post([this] { fibers_.start(keep()); });
}

void Upstream::publish(ServerStatus next) {
  const auto before = status_.load();
  const bool same = before->state == next.state && !next.peer && before->since != WallTime() &&
                    before->error.detail() == next.error.detail();
  if (same) return;  // still away, for the same reason, since then
  next.since = home_.wall_now();
  status_.publish(std::make_shared<const ServerStatus>(std::move(next)));
  if (options_.on_change) options_.on_change(*this);
}

// Home shard, for the life of the upstream: get to know it, wait until it is lost, rest, again.
Task<void> Upstream::keep() {
  RestartPause pause;
  ReopenPause reopen;
  Random random = home_.chance();
  while (!closing_.cancelled()) {
    const TimePoint deadline = home_.now() + options_.startup_time;
    Result<std::shared_ptr<const Peer>> greeted =
        co_await transport(home_).greet(Introduction(), deadline, closing_);
    if (closing_.cancelled()) break;
    if (!greeted) greeted = fail(never_sent(greeted.error()));
    const std::shared_ptr<const Peer> peer = greeted ? *greeted : nullptr;
    ServerStatus next;
    if (peer) {
      next.state = ServerState::ready;
      next.peer = peer;
      pause.came_up(home_.now());
      reopen.came_up(home_.now());
    } else {
      next.error = greeted.error();
      next.state = greeted.error().kind() == Error::Kind::needs_authorization
                       ? ServerState::needs_authorization
                       : ServerState::unreachable;
    }
    publish(std::move(next));
    if (peer) resume_listening(peer);
    for (Wish* wish : std::exchange(wishes_, {})) {
      wish->outcome = greeted;
      wish->waiter.wake();
    }
    while (peer && !peer->lost && !closing_.cancelled()) co_await nudge_.wait(kForever, &closing_);
    if (closing_.cancelled()) break;
    if (peer) {
      watch_.end();
      ServerStatus gone;
      gone.error = Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "it has gone");
      publish(std::move(gone));
    }
    const bool session_only = peer && !options_.homed;
    const Duration rest =
        session_only ? reopen.lost(home_.now(), random.unit()) : pause.died(home_.now(), random.unit());
    if (rest == Duration::zero()) continue;
    // Who is not there is asked again as soon as someone wants it; what comes up and dies again is not.
    const bool spared = peer || options_.homed;
    rest_until_min_ = spared ? home_.now() + std::min<Duration>(rest, kRestMin) : home_.now();
    const TimePoint until = home_.now() + rest;
    resting_ = true;
    while (home_.now() < until && !closing_.cancelled()) {
      const bool wanted = !wishes_.empty();
      if (wanted && home_.now() >= rest_until_min_) break;
      co_await nudge_.wait(wanted ? std::min(until, rest_until_min_) : until, &closing_);
    }
    resting_ = false;
  }
  ServerStatus stopped;
  stopped.state = ServerState::stopped;
  const Error error = stopped_error();
  stopped.error = error;
  publish(std::move(stopped));
  for (Wish* wish : std::exchange(wishes_, {})) {
    wish->outcome = fail(error);
    wish->waiter.wake();
  }
}

// Home shard: waits for the next outcome.
Task<Result<std::shared_ptr<const Peer>>> Upstream::settle(TimePoint deadline, CancelScope& cancel) {
  const auto now = status_.load();
  if (now->state == ServerState::ready && !now->peer->lost) co_return now->peer;
  if (now->state == ServerState::stopped) co_return fail(now->error);
  Wish wish;
  wishes_.push_back(&wish);
  nudge_.wake();
  const Wake wake = co_await wish.waiter.wait(deadline, &cancel);
  if (wish.outcome) co_return std::move(*wish.outcome);
  std::erase(wishes_, &wish);
  if (wake == Wake::cancelled)
    co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "the call was cancelled");
  const auto last = status_.load();
  if (last->state == ServerState::unreachable || last->state == ServerState::needs_authorization)
    co_return fail(last->error);
  co_return fail(Error::Kind::deadline_exceeded, Error::Side::upstream, Error::Sent::no,
                 "it is still starting");
}

// The peer as this shard knows it; null: not known, or lost.
std::shared_ptr<const Peer> Upstream::known_peer() {
  const std::shared_ptr<const ServerStatus>& now = seats_[Shard::current().index()]->reader.get();
  return now->state == ServerState::ready && !now->peer->lost ? now->peer : nullptr;
}

bool Upstream::known_old() const {
  const std::shared_ptr<const ServerStatus>& now = seats_[Shard::current().index()]->reader.get();
  return now->state == ServerState::ready && !is_new(now->peer->facts.revision);
}

Task<Result<std::shared_ptr<const Peer>>> Upstream::ready(TimePoint deadline, CancelScope& cancel) {
  if (std::shared_ptr<const Peer> peer = known_peer()) co_return peer;
  std::function<Task<Result<std::shared_ptr<const Peer>>>(CancelScope&)> work =
      [this, deadline](CancelScope& scope) { return settle(deadline, scope); };
  co_return co_await on_shard<Result<std::shared_ptr<const Peer>>>(home_, cancel, std::move(work));
}

Task<Result<Reply>> Upstream::forward_home(Call& call) {
  if (&home_ == &Shard::current()) return transport(home_).call(call);
  return call_at_home(home_, call, [this](Call& there) { return transport(home_).call(there); });
}

Task<Result<Reply>> Upstream::forward(Call& call, ClientLink* link) {
  if (link != nullptr && link->own) {
    if (&home_ == &Shard::current()) return link->own->call(call);
    return call_at_home(home_, call, [link](Call& there) { return link->own->call(there); });
  }
  return options_.homed ? forward_home(call) : transport(Shard::current()).call(call);
}

Task<Result<Reply>> Upstream::call(Call& call) {
  Counted counted(in_flight_);
  Seat& seat = *seats_[Shard::current().index()];
  if (seat.stop.cancelled()) co_return fail(stopped_error());
  ScopeLink scope_link(seat.stop, call.cancel);
  for (int tries = 0;; ++tries) {
    std::shared_ptr<const Peer> peer = known_peer();
    if (!peer) {
      Result<std::shared_ptr<const Peer>> settled = co_await ready(call.deadline, call.cancel);
      if (!settled) co_return fail(stopped(seat.stop, settled.error()));
      peer = std::move(*settled);
    }
    std::unique_ptr<LinkLease> lease;
    ClientLink* link = nullptr;
    if (wants_link(call, *peer)) {
      Result<std::unique_ptr<LinkLease>> own = co_await links_.get(call, peer);
      if (!own) co_return fail(stopped(seat.stop, own.error()));
      lease = std::move(*own);
      link = lease->link().get();
      if (call.questions != nullptr) lease->take_questions(*call.questions);
    }
    call.peer = peer.get();
    if (wants_level(call, link)) co_await tell_level(call, link);
    if (call.notes != nullptr) {
      ++call.notes->attempts;
      call.notes->upstream_revision = call.peer->facts.revision;
    }
    const TimePoint begun = Shard::current().now();
    Result<Reply> reply = co_await forward(call, link);
    if (call.notes != nullptr) call.notes->upstream_time += Shard::current().now() - begun;
    if (reply) {
      reply->peer = std::move(peer);
      reply->in_flight = std::move(counted);
      if (lease) reply->leases.add(std::move(lease));
      const bool shared_child = options_.homed && link == nullptr && call.takes_requests;
      if (shared_child && reply->first.asker) asked(call);
      std::function<void()> note;
      if (shared_child) note = [this, &call] { asked(call); };
      if (reply->rest)
        reply->rest = std::make_unique<StoppableReply>(*this, std::move(reply->rest), seat.stop, call.cancel,
                                                       std::move(note));
      if (reply->large)
        reply->large = std::make_unique<StoppableLarge>(std::move(reply->large), seat.stop, call.cancel);
      co_return reply;
    }
    // What it never saw may be said again, once it is known anew; what only reads may be, whatever it saw.
    const bool unseen = reply.error().sent() == Error::Sent::no ||
                        (call.row.safe_to_repeat && reply.error().kind() == Error::Kind::outcome_unknown);
    const bool again = peer->lost && unseen && tries == 0;
    if (!again) co_return fail(stopped(seat.stop, reply.error()));
  }
}

Task<void> Upstream::close(TimePoint deadline, bool patient) {
  CancelScope never;
  const auto pause = [] { return Sleep(Shard::current().now() + std::chrono::milliseconds(10), nullptr); };
  while (in_flight() != 0) {
    const TimePoint now = Shard::current().now();
    if (patient && asking_ != 0) deadline = std::max(deadline, now + longest_call_);
    if (now >= std::min(deadline, close_by_)) break;
    co_await pause();
  }
  for (Shard* shard : shards_) shard->post([this, shard] { seats_[shard->index()]->stop.cancel(); });
  while (in_flight() != 0) co_await pause();
  std::function<Task<bool>(CancelScope&)> stop = [this](CancelScope&) { return stop_keeping(); };
  co_await on_shard<bool>(home_, never, std::move(stop));
  for (Shard* shard : shards_) {
    std::function<Task<bool>(CancelScope&)> free = [this, shard](CancelScope&) { return let_go(*shard); };
    co_await on_shard<bool>(*shard, never, std::move(free));
  }
}

Task<bool> Upstream::stop_keeping() {
  co_await links_.close();
  co_await watch_.close();
  closing_.cancel();
  co_await fibers_.join();
  co_return true;
}

Task<bool> Upstream::let_go(Shard& shard) {
  std::unique_ptr<Transport>& held = seats_[shard.index()]->transport;
  if (held) co_await held->close();
  held.reset();
  co_return true;
}

}  // namespace weir
