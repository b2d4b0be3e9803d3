#include "gateway/upstream.h"

#include "base/url.h"
#include "gateway/homed_reply.h"
#include "gateway/stoppable.h"
#include "gateway/upstream_state.h"
#include "runtime/hop.h"

namespace weir {

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
    call.own_session = link != nullptr;
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

}  // namespace weir
