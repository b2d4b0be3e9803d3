#include "gateway/upstream.h"

#include <algorithm>

#include "call/kind.h"
#include "gateway/hash_key.h"
#include "gateway/stoppable.h"
#include "gateway/upstream_state.h"

namespace weir {
namespace {

// How long one endpoint is asked for before the next one is, while none is known.
constexpr Duration kTurn = std::chrono::milliseconds(250);
constexpr int kMovesMax = 3;  // of one call whose client's session can't be opened
constexpr auto kRetryAfter = std::chrono::milliseconds(250);
// How long a call waits for leave where all that are well have yet to prove it, and how often it looks:
// mostly they have done so within a few calls' time.
constexpr Duration kLeave = std::chrono::milliseconds(250);
constexpr Duration kFirstLook = std::chrono::milliseconds(2);
constexpr Duration kLook = std::chrono::milliseconds(20);
// How long a connection may take where another endpoint can be asked instead.
constexpr Duration kConnectPatience = std::chrono::milliseconds(250);

Task<Result<Reply>> refuse(Error error) { co_return fail(std::move(error)); }

// Until a circuit breaker lets calls try its endpoint; a guess where that is for probes to say.
std::chrono::milliseconds time_to_trial(const EndpointSet& set) {
  const TimePoint now = Shard::current().now();
  TimePoint next = kForever;
  for (const SetMember& member : set.members)
    if (!member.draining) next = std::min(next, member.endpoint->health().breaker().tried_from());
  if (next == kForever || next <= now) return kRetryAfter;
  return std::chrono::ceil<std::chrono::milliseconds>(next - now);
}

// Nobody is left to ask: each endpoint with its reason.
Error nobody(const EndpointSet& set) {
  std::string detail = "no endpoint is healthy";
  for (const SetMember& member : set.members) {
    const auto status = member.endpoint->status();
    if (member.draining || status->reason.empty()) continue;
    detail += (detail.size() < 24 ? ": " : "; ") + member.endpoint->address() + ": " + status->reason;
    if (detail.size() > 400) break;
  }
  return Error(Error::Kind::no_healthy_endpoint, Error::Side::upstream, Error::Sent::no, std::move(detail))
      .set_retry_after(time_to_trial(set));
}

Error moved_away() {
  return Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
               "the endpoint that this belongs to is there no more");
}

Error nobody_for(const Call& call, const EndpointSet& set) {
  const bool gone = call.at_only && set.find(call.at) == nullptr && set.only == nullptr;
  return gone ? moved_away() : nobody(set);
}

}  // namespace

Endpoint* EndpointSet::find(std::uint32_t number) const noexcept {
  for (const SetMember& member : members)
    if (member.endpoint->number() == number) return member.endpoint.get();
  return nullptr;
}

bool EndpointSet::serves() const noexcept {
  return std::any_of(members.begin(), members.end(), [](const SetMember& one) { return !one.draining; });
}

std::size_t EndpointSet::untried(const Tried& tried, std::size_t from) const noexcept {
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::size_t place = (from + i) % members.size();
    if (roster.eligible[place] && !tried.has(members[place].endpoint->number())) return place;
  }
  return members.size();
}

std::size_t EndpointSet::place_of(const Endpoint& endpoint) const noexcept {
  std::size_t place = 0;
  while (members[place].endpoint.get() != &endpoint) ++place;
  return place;
}

const EndpointSet& Upstream::set_now() const { return *seats_[Shard::current().index()]->reader.get(); }

Random& Upstream::chance() { return seats_[Shard::current().index()]->random; }

Task<Result<Reply>> Upstream::call(Call& call) {
  const EndpointSet& set = set_now();
  // Where nobody is to be had nothing is worth waiting for.
  if (set.barred) return balance(call);
  call.stack = set.stack;
  return static_cast<Stack*>(const_cast<void*>(call.stack.get()))->top().call(call);
}

bool Upstream::has_another(const Call& call) const {
  const EndpointSet& set = set_now();
  if (set.choices < 2 || call.at_only || goes_with_client(call, set)) return false;
  if (call.tried.empty()) return true;
  return set.untried(call.tried, 0) != set.members.size();
}

std::uint32_t Upstream::in_flight() const noexcept {
  std::uint32_t count = 0;
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) count += member.endpoint->in_flight();
  return count;
}

Endpoint* Upstream::pick(const Call& call, const EndpointSet& set, Picked& picked, bool trials) {
  const Shard& shard = Shard::current();
  const TimePoint now = shard.now();
  const std::uint64_t kind = kind_of(call);
  if (trials)
    for (Endpoint* endpoint : set.trials)
      if (Breaker::Permit permit = endpoint->health().enter(now)) {
        picked = Picked(set.picker, set.place_of(*endpoint), kind, std::move(permit));
        return endpoint;
      }
  if (!set.picker) return nullptr;
  PickQuery query;
  query.now = now;
  query.kind = kind;
  if (set.balancing.strategy == LoadBalancingConfig::Strategy::consistent_hash)
    query.key = hash_key_of(call, set.balancing);
  std::size_t place = set.picker->pick(query, seats_[shard.index()]->random);
  if (!call.tried.empty() && call.tried.has(set.members[place].endpoint->number()))
    if (const std::size_t other = set.untried(call.tried, place); other != set.members.size()) place = other;
  if (!set.members[place].endpoint->health().closed() && !admit(call, set, place, picked)) return nullptr;
  picked.picker = set.picker;
  picked.place = place;
  picked.kind = kind;
  return set.members[place].endpoint.get();
}

// The endpoint at `place` has a breaker that is not closed: it gets the call if that gives leave. If it does
// not, the place of another one that needs none, or has some; one that the call was not sent to, if there is.
bool Upstream::admit(const Call& call, const EndpointSet& set, std::size_t& place, Picked& picked) {
  const TimePoint now = Shard::current().now();
  const auto passes = [&](std::size_t at) {
    EndpointHealth& health = set.members[at].endpoint->health();
    if (!health.closed() && !set.roster.forced[at]) picked.permit = health.enter(now);
    return health.closed() || set.roster.forced[at] || picked.permit;
  };
  if (passes(place)) return true;
  const std::size_t count = set.members.size();
  const std::size_t from = chance().below(count);
  const auto find = [&](const std::vector<bool>& among, bool again) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = (from + i) % count;
      if (at == place || !among[at]) continue;
      if (call.tried.has(set.members[at].endpoint->number()) != again || !passes(at)) continue;
      place = at;
      return true;
    }
    return false;
  };
  return find(set.roster.eligible, false) || find(set.roster.spare, false) ||
         find(set.roster.eligible, true) || find(set.roster.spare, true);
}

// One alone. Where it is not known it is asked who it is, and that is judged by itself.
bool Upstream::admit_only(Endpoint& only, Picked& picked) {
  EndpointHealth& health = only.health();
  if (health.closed() || !health.breaks() || !only.known_peer()) return true;
  picked.permit = health.enter(Shard::current().now());
  return picked.permit || health.closed();
}

Task<Result<Reply>> Upstream::call_only(Call& call, const EndpointSet& set) {
  Picked picked;
  if (!admit_only(*set.only, picked)) return refuse(nobody(set));
  return set.only->call(call, std::move(picked));
}

// Where the client's session is; another one when that is not to be used any more.
Endpoint* Upstream::choose_for_client(const Call& call, const EndpointSet& set, Picked& picked, bool trials) {
  const TimePoint now = Shard::current().now();
  const std::string key = ClientLinks::key_of(call.client);
  const std::uint32_t before = affinity_.find(key, now);
  Endpoint* own = before == 0 ? nullptr : set.find(before);
  const std::size_t place = own == nullptr ? 0 : set.place_of(*own);
  // Whose session a trial has opened there goes on with it.
  if (own != nullptr && !set.keeps[place] && !set.members[place].draining &&
      own->health().breaker().state() == BreakerState::half_open)
    if (Breaker::Permit permit = own->health().enter(now)) {
      picked = Picked(set.picker, place, kind_of(call), std::move(permit));
      return own;
    }
  if (own == nullptr || !set.keeps[place]) {
    // Who has nothing to lose may try one that is out.
    Endpoint* next = pick(call, set, picked, trials && before == 0);
    if (next == nullptr) return nullptr;
    const std::uint32_t settled = affinity_.settle(key, before, next->number(), now);
    own = settled == next->number() ? nullptr : set.find(settled);
    if (own == nullptr) return next;
  }
  // What it has there it has nowhere else: it is counted where there is room, and not kept waiting else.
  picked = Picked(set.picker, set.place_of(*own), kind_of(call));
  if (!own->health().closed()) picked.permit = own->health().enter(now);
  return own;
}

// True if it may go in a session of the client's own: then it stays with the endpoint that has it.
bool Upstream::goes_with_client(const Call& call, const EndpointSet& set) const noexcept {
  if (!set.sessions || call.in_shared || set.only != nullptr) return false;
  if (is_new(call.client.revision) && call.row.route == Route::list) return false;
  return !call.client.session.empty() || !call.client.identity.empty();
}

// The endpoint that the call is for; null: any may have it, or (`decided`) it is not to be had.
Endpoint* Upstream::bound(const Call& call, const EndpointSet& set, Picked& picked, bool& decided) {
  Endpoint* own = set.find(call.at);
  decided = call.at_only;
  // A reload may have made the only endpoint anew: what it has it has still.
  if (own == nullptr && call.at_only) own = set.only;
  if (own == nullptr) return nullptr;
  const std::size_t place = set.place_of(*own);
  // What goes on with a server's own state is for the one that made it, as long as that answers.
  const bool holds = call.at_only || !call.request_state.empty();
  const bool usable =
      call.at_only || (holds ? own->status()->health != Health::unhealthy : set.roster.eligible[place]);
  if (!usable) return nullptr;
  // What goes on at one that drains is no choice: nobody learns from it.
  if (set.picker && !set.members[place].draining) picked = Picked(set.picker, place, kind_of(call));
  decided = true;
  if (own == set.only) return admit_only(*own, picked) ? own : nullptr;
  if (own->health().closed() || set.roster.forced[place] || !own->health().breaks()) return own;
  picked.permit = own->health().enter(Shard::current().now());
  if (picked.permit || own->health().closed()) return own;
  // Nobody else can answer it: it may be one too many, but not while nobody is let through.
  const bool let = holds && own->health().breaker().state() != BreakerState::open;
  decided = call.at_only || let;
  return let ? own : nullptr;
}

// Null: there is nobody.
Endpoint* Upstream::choose(const Call& call, const EndpointSet& set, Picked& picked, bool trials) {
  if (call.at != 0) {
    bool decided = false;
    Endpoint* own = bound(call, set, picked, decided);
    if (decided) return own;
  }
  if (set.only != nullptr) return admit_only(*set.only, picked) ? set.only : nullptr;
  if (goes_with_client(call, set)) return choose_for_client(call, set, picked, trials);
  return pick(call, set, picked, trials);
}

// Where it goes now, for whoever tries it elsewhere; and no longer than needed where there is an elsewhere.
inline void Upstream::note_choice(Call& call, const EndpointSet& set, const Endpoint& endpoint) {
  const bool first = call.tried.empty();
  call.tried.add(endpoint.number());
  // Of several it has tried one.
  const bool several = set.choices > 1 && !call.at_only;
  const bool another = several && (first || set.untried(call.tried, 0) != set.members.size());
  call.connect_by = another ? Shard::current().now() + kConnectPatience : kForever;
}

// No coroutine of its own where an endpoint is known.
Task<Result<Reply>> Upstream::balance(Call& call) {
  const EndpointSet& set = set_now();
  if (set.only != nullptr && call.at == 0 && set.only->health().closed()) return set.only->call(call);
  return proves(set) ? wait_for_leave(call) : balance_now(call, set);
}

// Whether some that are well have yet to prove it. Of one alone the set may not say so yet.
bool Upstream::proves(const EndpointSet& set) {
  if (set.half_open || set.only == nullptr) return set.half_open;
  return set.only->health().breaker().state() == BreakerState::half_open &&
         set.only->status()->health != Health::unhealthy;
}

// Who is well but has all the calls that it may have until it has proved it is waited for a moment: with
// nobody else to go to, clients should see nothing of that.
Task<Result<Reply>> Upstream::wait_for_leave(Call& call) {
  const TimePoint until = std::min(call.deadline, Shard::current().now() + kLeave);
  for (Duration pause = kFirstLook;; pause = std::min(2 * pause, kLook)) {
    Result<Reply> reply = co_await balance_now(call, set_now());
    if (reply || reply.error().kind() != Error::Kind::no_healthy_endpoint) co_return reply;
    const TimePoint now = Shard::current().now();
    if (!proves(set_now()) || now >= until) co_return reply;
    const Wake wake = co_await Sleep(std::min(now + pause, until), &call.cancel);
    if (wake == Wake::cancelled) co_return reply;
  }
}

namespace {

// True if who has what the call goes on with is there: a set whose others have yet to say who they are may
// not know of it.
bool owner_is_there(const Call& call, const EndpointSet& set) {
  if (call.at == 0 || (!call.at_only && call.request_state.empty())) return false;
  const Endpoint* own = set.find(call.at);
  return own != nullptr && (call.at_only || own->status()->health != Health::unhealthy);
}

}  // namespace

Task<Result<Reply>> Upstream::balance_now(Call& call, const EndpointSet& set) {
  if (set.only != nullptr && call.at == 0) return call_only(call, set);
  if (!set.known && set.only == nullptr && !set.barred && !owner_is_there(call, set))
    return call_once_known(call);
  if (goes_with_client(call, set)) return call_of_client(call);
  Picked picked;
  // The usual call may go to any of several.
  const bool free = call.at == 0 && set.only == nullptr;
  Endpoint* endpoint = free ? pick(call, set, picked, true) : choose(call, set, picked, true);
  if (endpoint == nullptr) return refuse(nobody_for(call, set));
  note_choice(call, set, *endpoint);
  if (set.roster.panic) return call_in_panic(call, *endpoint, std::move(picked));
  return endpoint->call(call, std::move(picked));
}

// A session whose endpoint is not there any more, or does not open it, is opened at another one: nothing of
// the call was sent.
Task<Result<Reply>> Upstream::call_of_client(Call& call) {
  for (int moves = 0;; ++moves) {
    const EndpointSet& set = set_now();
    Picked picked;
    Endpoint* endpoint = choose(call, set, picked, true);
    if (endpoint == nullptr) co_return fail(nobody_for(call, set));
    const std::shared_ptr<Endpoint> kept = endpoint->shared_from_this();
    Result<Reply> reply = co_await kept->call(call, std::move(picked));
    const bool unreached =
        !reply && reply.error().kind() == Error::Kind::unreachable && reply.error().sent() == Error::Sent::no;
    if (!unreached || call.at_only || call.cancel.cancelled() || moves == kMovesMax) co_return reply;
    const std::string key = ClientLinks::key_of(call.client);
    kept->end_client(key);
    affinity_.forget(key, kept->number());  // its other calls may have moved it already
    call.at = 0;
  }
}

Task<Result<Reply>> Upstream::call_once_known(Call& call) {
  const Result<std::shared_ptr<const Peer>> peer = co_await ready(call.deadline, call.cancel);
  if (!peer) co_return fail(peer.error());
  const EndpointSet& set = set_now();
  Picked picked;
  Endpoint* endpoint = choose(call, set, picked, true);
  if (endpoint == nullptr) co_return fail(nobody_for(call, set));
  note_choice(call, set, *endpoint);
  co_return co_await endpoint->call(call, std::move(picked));
}

// Whoever can't be reached then was known to be out.
Task<Result<Reply>> Upstream::call_in_panic(Call& call, Endpoint& endpoint, Picked picked) {
  Result<Reply> reply = co_await endpoint.call(call, std::move(picked));
  const bool unreached = !reply && reply.error().kind() == Error::Kind::unreachable &&
                         reply.error().sent() == Error::Sent::no && !call.at_only;
  if (!unreached) co_return reply;
  const EndpointSet& set = set_now();
  // One that it was not sent to may be there.
  if (!set.roster.panic || set.untried(call.tried, 0) != set.members.size()) co_return reply;
  co_return fail(nobody(set));
}

Task<Result<std::shared_ptr<const Peer>>> Upstream::ready(TimePoint deadline, CancelScope& cancel) {
  if (Endpoint* only = set_now().only) {
    const std::shared_ptr<Endpoint> kept = only->shared_from_this();
    co_return co_await kept->ready(deadline, cancel);
  }
  Error last = stopped_error();
  // In turns: whichever is there first.
  for (bool first = true;; first = false) {
    const std::shared_ptr<const EndpointSet> set = set_.load();
    if (names_ && !set->serves()) {
      const Result<void> found = co_await wait_for_names(deadline, cancel);
      if (!found) co_return fail(found.error());
      if (cancel.cancelled() || Shard::current().now() >= deadline) co_return fail(last);
      continue;
    }
    for (const bool eligible : {true, false})
      for (std::size_t i = 0; first && i < set->members.size(); ++i) {
        if (set->roster.eligible[i] != eligible || set->members[i].draining) continue;
        if (const std::shared_ptr<const Peer> peer = set->members[i].endpoint->known_peer()) co_return peer;
      }
    bool waited = false;
    for (const SetMember& member : set->members) {
      if (member.draining) continue;
      const TimePoint turn = std::min(deadline, Shard::current().now() + kTurn);
      Result<std::shared_ptr<const Peer>> peer = co_await member.endpoint->ready(turn, cancel);
      if (peer) co_return peer;
      if (cancel.cancelled()) co_return fail(peer.error());
      waited = waited || peer.error().kind() == Error::Kind::deadline_exceeded;
      if (peer.error().kind() != Error::Kind::deadline_exceeded || last.kind() == Error::Kind::shutting_down)
        last = peer.error();
      if (Shard::current().now() >= deadline) co_return fail(last);
    }
    if (!waited) co_return fail(last);
  }
}

// One that stands for all that are known, if these are of one era; else null.
std::shared_ptr<const Peer> Upstream::peer_of_all(const EndpointSet& set) {
  std::shared_ptr<const Peer> found;
  for (std::size_t i = 0; i < set.members.size(); ++i) {
    std::shared_ptr<const Peer> peer = set.members[i].endpoint->status()->peer;
    if (!peer || set.members[i].draining) continue;
    // What comes in its place may be of the other era.
    if (peer->lost) return nullptr;
    if (found && is_new(found->facts.revision) != is_new(peer->facts.revision)) return nullptr;
    if (!found || set.roster.eligible[i]) found = std::move(peer);
  }
  return found;
}

Task<Result<std::shared_ptr<const Peer>>> Upstream::ready(Call& call) {
  const EndpointSet* set = &set_now();
  if (set->only != nullptr && call.at == 0) {
    const std::shared_ptr<Endpoint> kept = set->only->shared_from_this();
    co_return co_await kept->ready(call.deadline, call.cancel);
  }
  if (!set->known && set->only == nullptr) {
    Result<std::shared_ptr<const Peer>> any = co_await ready(call.deadline, call.cancel);
    if (!any) co_return any;
    set = &set_now();
  }
  // Where all are of one era it does not matter which it will be: whoever gets the call is chosen then.
  if (call.at == 0)
    if (std::shared_ptr<const Peer> any = peer_of_all(*set)) co_return any;
  // A permit taken here is given back: its call takes one for itself.
  Picked picked;
  Endpoint* endpoint = choose(call, *set, picked, false);
  if (endpoint == nullptr) co_return fail(nobody_for(call, *set));
  call.at = endpoint->number();
  const std::shared_ptr<Endpoint> kept = endpoint->shared_from_this();
  co_return co_await kept->ready(call.deadline, call.cancel);
}

CancelScope* Upstream::stop_at(std::uint32_t number) {
  Endpoint* endpoint = set_now().find(number);
  return endpoint == nullptr ? nullptr : &endpoint->stop_here();
}

Counted Upstream::client_asked(std::uint32_t number) {
  Endpoint* endpoint = set_now().find(number);
  return endpoint == nullptr ? Counted() : endpoint->client_asked();
}

bool Upstream::known_old() const {
  for (const SetMember& member : set_now().members)
    if (member.endpoint->known_old()) return true;
  return false;
}

bool Upstream::made_in_shared(const Reply& reply) const {
  const Endpoint* endpoint = set_now().find(reply.endpoint);
  return endpoint != nullptr && endpoint->status()->peer == reply.peer;
}

}  // namespace weir
