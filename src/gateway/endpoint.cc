#include "gateway/endpoint.h"

#include "balance/calls.h"
#include "gateway/endpoint_state.h"
#include "gateway/homed_reply.h"
#include "gateway/stoppable.h"
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

std::uint32_t next_number() noexcept {
  static std::atomic<std::uint32_t> made{0};
  return ++made;
}

}  // namespace

Endpoint::Endpoint(ServerConfig config, Options options, TransportFactory factory,
                   std::span<Shard* const> shards, std::size_t home)
    : number_(next_number()),
      config_(std::move(config)),
      options_(std::move(options)),
      factory_(std::move(factory)),
      shards_(shards.begin(), shards.end()),
      home_(*shards_[home]),
      status_(std::make_shared<const ServerStatus>()),
      alone_(options_.alone),
      health_(health_options()),
      links_(link_options()),
      watch_(watch_options()) {
  for (std::size_t i = 0; i < shards_.size(); ++i) seats_.push_back(std::make_unique<Seat>(status_));
}

Endpoint::~Endpoint() = default;

Transport& Endpoint::transport(Shard& shard) {
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
std::shared_ptr<const Peer> Endpoint::known_peer() { return known_peer(*seats_[Shard::current().index()]); }

inline std::shared_ptr<const Peer> Endpoint::known_peer(Seat& seat) {
  const std::shared_ptr<const ServerStatus>& now = seat.reader.get();
  return now->state == ServerState::ready && !now->peer->lost ? now->peer : nullptr;
}

bool Endpoint::known_old() const {
  const std::shared_ptr<const ServerStatus>& now = seats_[Shard::current().index()]->reader.get();
  return now->state == ServerState::ready && !is_new(now->peer->facts.revision);
}

Task<Result<std::shared_ptr<const Peer>>> Endpoint::ready(TimePoint deadline, CancelScope& cancel) {
  if (std::shared_ptr<const Peer> peer = known_peer()) co_return peer;
  std::function<Task<Result<std::shared_ptr<const Peer>>>(CancelScope&)> work =
      [this, deadline](CancelScope& scope) { return settle(deadline, scope); };
  co_return co_await on_shard<Result<std::shared_ptr<const Peer>>>(home_, cancel, std::move(work));
}

Task<Result<Reply>> Endpoint::forward_home(Call& call) {
  if (&home_ == &Shard::current()) return transport(home_).call(call);
  return call_at_home(home_, call, [this](Call& there) { return transport(home_).call(there); });
}

Task<Result<Reply>> Endpoint::forward(Call& call, ClientLink* link) {
  if (link != nullptr && link->own) {
    if (&home_ == &Shard::current()) return link->own->call(call);
    return call_at_home(home_, call, [link](Call& there) { return link->own->call(there); });
  }
  return options_.homed ? forward_home(call) : transport(Shard::current()).call(call);
}

// What a call teaches of its endpoint: that it answers, how soon, and to whoever picks.
inline void Endpoint::note_reply(Picked& picked, bool whole, Duration took, TimePoint now) {
  if (picked.picker) picked.picker->note(picked.place, picked.kind, took, false, now);
  // What goes on may still break off.
  if (!whole) return;
  health_.succeeded(now);
  picked.permit.end(TrialOutcome::good);
}

TrialOutcome Endpoint::note_failure(const Picked& picked, const Error& error, TimePoint begun) {
  const TimePoint now = Shard::current().now();
  // A slow tool is no dead server: its deadline says something only where such calls are known to be quick,
  // and nothing else was answered meanwhile.
  const bool silent = error.kind() == Error::Kind::deadline_exceeded && picked.picker &&
                      picked.picker->is_late(picked.kind, now - begun) && health_.last_success(now) < begun;
  const std::optional<Fault> fault = fault_of(error, silent);
  if (!fault) return TrialOutcome::none;
  if (picked.picker) picked.picker->note(picked.place, picked.kind, now - begun, true, now);
  health_.failed(*fault, now, error.detail());
  return TrialOutcome::bad;
}

void Endpoint::reply_ended(const Error* failed, Breaker::Permit& permit) {
  const TimePoint now = Shard::current().now();
  const std::optional<Fault> fault = failed == nullptr ? std::nullopt : fault_of(*failed, false);
  if (failed == nullptr) health_.succeeded(now);
  if (fault) health_.failed(*fault, now, failed->detail());
  permit.end(failed == nullptr ? TrialOutcome::good : fault ? TrialOutcome::bad : TrialOutcome::none);
}

// Whether it hangs or is but slow can't be told from a call that was given up: that is for whoever picks.
void Endpoint::outrun(Picked& picked, TimePoint begun) {
  const TimePoint now = Shard::current().now();
  if (picked.picker) picked.picker->outrun(picked.place, picked.kind, now - begun, now);
  picked.permit.end(TrialOutcome::none);
}

CancelScope& Endpoint::stop_here() noexcept { return seats_[Shard::current().index()]->stop; }

void Endpoint::heard() noexcept { answered(facts_, Shard::current().now()); }

Task<void> Endpoint::reset_breaker() {
  CancelScope never;
  std::function<Task<bool>(CancelScope&)> work = [this](CancelScope&) -> Task<bool> { return reset_here(); };
  co_await on_shard<bool>(home_, never, std::move(work));
}

Task<bool> Endpoint::reset_here() {
  health_.reset();
  co_return true;
}

// What goes on ends with the endpoint, and is judged by how it ends.
void Endpoint::watch_rest(Reply& reply, Call& call, const ClientLink* link, CancelScope& stop, Picked picked,
                          TimePoint begun) {
  const bool shared_child = options_.homed && link == nullptr && call.takes_requests;
  if (shared_child && reply.first.asker) asked(call);
  std::function<void()> note;
  if (shared_child) note = [this, &call] { asked(call); };
  if (reply.rest)
    reply.rest = std::make_unique<StoppableReply>(*this, std::move(reply.rest), stop, call, std::move(note),
                                                  std::move(picked), begun);
  if (reply.large)
    reply.large =
        std::make_unique<StoppableLarge>(*this, std::move(reply.large), stop, call, std::move(picked.permit));
}

Task<Result<Reply>> Endpoint::call(Call& call, Picked picked) {
  Shard& shard = Shard::current();
  if (picked.picker) begin_call(facts_, shard.now());
  Counted counted(facts_.in_flight);
  Seat& seat = *seats_[shard.index()];
  if (ends_.load()) co_return fail(stopped_error());
  ScopeLink scope_link(seat.stop, call.cancel);
  for (int tries = 0;; ++tries) {
    std::shared_ptr<const Peer> peer = known_peer(seat);
    if (!peer) {
      Result<std::shared_ptr<const Peer>> settled = co_await ready(call.deadline, call.cancel);
      // Getting to know it is judged by itself.
      if (!settled) co_return fail(stopped(seat.stop, settled.error()));
      peer = std::move(*settled);
    }
    std::unique_ptr<LinkLease> lease;
    ClientLink* link = nullptr;
    if (wants_link(call, *peer)) {
      const TimePoint begun = shard.now();
      Result<std::unique_ptr<LinkLease>> own = co_await links_.get(call, peer);
      if (!own) {
        picked.permit.end(note_failure(picked, own.error(), begun));
        co_return fail(stopped(seat.stop, own.error()));
      }
      lease = std::move(*own);
      link = lease->link().get();
      if (call.questions != nullptr) lease->take_questions(*call.questions);
    }
    call.peer = peer.get();
    call.own_session = link != nullptr;
    if (wants_level(call, link)) co_await tell_level(call, link);
    // Whoever gave it up meanwhile was told that nothing was sent.
    if (call.cancel.cancelled())
      co_return fail(stopped(seat.stop, Error(Error::Kind::cancelled, Error::Side::client, Error::Sent::no,
                                              "the call was cancelled")));
    if (call.notes != nullptr) {
      ++call.notes->attempts;
      call.notes->upstream_revision = call.peer->facts.revision;
      call.notes->endpoint = options_.label;
    }
    const TimePoint begun = shard.now();
    Result<Reply> reply = co_await forward(call, link);
    const Duration took = shard.now() - begun;
    if (call.notes != nullptr) call.notes->upstream_time += took;
    if (reply) {
      const bool whole = !reply->rest && !reply->large;
      // One that is late has come without anything: the endpoint still owes its answer.
      if (reply->first.message || reply->large) note_reply(picked, whole, took, shard.now());
      reply->endpoint = number_;
      reply->peer = std::move(peer);
      reply->in_flight = std::move(counted);
      if (lease) reply->leases.add(std::move(lease));
      if (whole)
        call.permit->answered();
      else
        watch_rest(*reply, call, link, seat.stop, std::move(picked), begun);
      co_return reply;
    }
    // A session that was opened a moment ago has hardly been forgotten: it may have run.
    if (tries != 0 && reply.error().forgotten())
      reply = fail(Error::Kind::outcome_unknown, Error::Side::upstream, Error::Sent::maybe,
                   "the server ends each session that is opened");
    const TrialOutcome outcome = note_failure(picked, reply.error(), begun);
    // What it never saw may be said again, once it is known anew; what only reads may be, whatever it saw.
    const bool unseen = reply.error().sent() == Error::Sent::no ||
                        (call.row.safe_to_repeat && reply.error().kind() == Error::Kind::outcome_unknown);
    const bool again = peer->lost && unseen && tries == 0;
    if (!again || outcome == TrialOutcome::bad) picked.permit.end(outcome);
    if (!again) co_return fail(stopped(seat.stop, reply.error()));
  }
}

}  // namespace weir
