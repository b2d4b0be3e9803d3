// How an endpoint is got to know, kept, and let go of: one fiber on its home shard.
#include <algorithm>

#include "base/random.h"
#include "gateway/endpoint_state.h"
#include "gateway/stoppable.h"
#include "runtime/hop.h"

namespace weir {
namespace {

// A child that died is not started again sooner, however much it is wanted.
constexpr Duration kRestMin = std::chrono::seconds(1);
// For an answer to who it is, where there are other endpoints to go to.
constexpr Duration kGreetTime = std::chrono::seconds(5);

// Whatever became of the greeting: of the calls that wait for it nothing was sent.
Error never_sent(Error error) {
  if (error.kind() == Error::Kind::outcome_unknown)
    error = Error(Error::Kind::unreachable, error.side(), Error::Sent::no, error.detail());
  error.set_sent(Error::Sent::no);
  return error;
}

}  // namespace

void Endpoint::start() {
  home_.post([this] {
    fibers_.start(keep());
    fibers_.start(health_.run(closing_));
  });
}

void Endpoint::set_place(bool alone, bool takes_part) {
  const bool same_alone = alone_.exchange(alone) == alone;
  const bool same_part = takes_part_.exchange(takes_part) == takes_part;
  if (!same_alone || !same_part) health_.set_place(alone, takes_part);
  if (same_alone) return;
  // Alone it has long to say who it is. With others to go to it is asked anew before long.
  if (alone || config_.type == ServerConfig::Type::stdio) return;
  home_.post([this, keep = keep_all()] {
    if (greeting_ != nullptr) greeting_->cancel();
  });
}

// What the verdict says, but where nothing is there that it could be about.
void Endpoint::publish(ServerStatus next) {
  const auto before = status_.load();
  const bool gone = next.state == ServerState::starting && !next.error.detail().empty();
  const bool away = (next.state != ServerState::ready && next.state != ServerState::starting) || gone;
  const Verdict& verdict = health_.verdict();
  next.health = away ? Health::unhealthy : verdict.health();
  health_.set_away(away);
  next.failing = !away && verdict.failing();
  next.silent = !away && verdict.silent();
  next.wants_witness = !away && verdict.wants_witness();
  next.absent = away ? options_.homed || next.error.kind() == Error::Kind::unreachable : verdict.absent();
  if (away)
    next.reason =
        next.state == ServerState::needs_authorization ? "needs authorization" : next.error.detail();
  else
    next.reason = verdict.reason();
  const bool known = before->since != WallTime();
  const bool same_health = known && before->health == next.health;
  const bool same_state = known && before->state == next.state && before->peer == next.peer &&
                          before->error.detail() == next.error.detail();
  if (same_state && same_health && before->reason == next.reason && before->absent == next.absent &&
      before->silent == next.silent && before->wants_witness == next.wants_witness &&
      before->failing == next.failing)
    return;
  const WallTime now = home_.wall_now();
  next.since = same_state ? before->since : now;
  next.health_since = same_health ? before->health_since : now;
  if (known && before->health == Health::unhealthy && next.health != Health::unhealthy)
    facts_.returned_at.store(facts_time(home_.now()), std::memory_order_relaxed);
  // Whoever waits here for a session may go elsewhere.
  const bool out = next.health == Health::unhealthy && !alone_.load();
  if (out)
    links_.give_up(Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no,
                         next.reason.empty() ? "it is unhealthy" : next.reason));
  status_.publish(std::make_shared<const ServerStatus>(std::move(next)));
  if (options_.on_change) options_.on_change(*this);
}

// Trials may begin or end without any change that is shown.
void Endpoint::judged() {
  publish(ServerStatus(*status_.load()));
  if (options_.on_sessions) options_.on_sessions();
}

std::shared_ptr<const void> Endpoint::keep_all() {
  // The server first, let go of last: its endpoints refer to it.
  using Both = std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>;
  return std::make_shared<const Both>(options_.keep ? options_.keep() : nullptr, weak_from_this().lock());
}

// Home shard, for the life of the endpoint: get to know it, wait until it is lost, rest, again.
Task<void> Endpoint::keep() {
  RestartPause pause;
  ReopenPause reopen;
  Random random = home_.chance();
  while (!closing_.cancelled()) {
    // With others to go to, what does not answer is asked anew before long.
    const bool brief = config_.type != ServerConfig::Type::stdio && !alone_.load();
    const TimePoint deadline =
        home_.now() + (brief ? std::min(kGreetTime, options_.startup_time) : options_.startup_time);
    health_.greeting_begun();
    CancelScope asking;
    ScopeLink ends(closing_, asking);
    greeting_ = &asking;
    Result<std::shared_ptr<const Peer>> greeted =
        co_await transport(home_).greet(Introduction(), deadline, asking);
    greeting_ = nullptr;
    if (closing_.cancelled()) break;
    if (!greeted && asking.cancelled()) continue;
    if (!greeted) greeted = fail(never_sent(greeted.error()));
    const std::shared_ptr<const Peer> peer = greeted ? *greeted : nullptr;
    ServerStatus next;
    if (peer) {
      next.state = ServerState::ready;
      next.peer = peer;
      // A child is another process; of one alone clients are told as soon as it is there, and ask at once.
      health_.greeted(config_.type == ServerConfig::Type::stdio || alone_.load(std::memory_order_relaxed));
      pause.came_up(home_.now());
      reopen.came_up(home_.now());
    } else {
      next.error = greeted.error();
      health_.greeting_failed(next.error);
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
      // A session that was forgotten is begun anew at once: only what can't be is gone.
      if (options_.homed) {
        ServerStatus gone;
        gone.error = Error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "it has gone");
        publish(std::move(gone));
      }
    }
    const bool session_only = peer && !options_.homed;
    const Duration rest = session_only ? reopen.lost(home_.now(), random.unit())
                          : brief      ? health_.pace()
                                       : pause.died(home_.now(), random.unit());
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
Task<Result<std::shared_ptr<const Peer>>> Endpoint::settle(TimePoint deadline, CancelScope& cancel) {
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

Task<void> Endpoint::close(TimePoint deadline, Duration patience) {
  CancelScope never;
  const auto pause = [] { return Sleep(Shard::current().now() + std::chrono::milliseconds(10), nullptr); };
  while (in_flight() != 0) {
    const TimePoint now = Shard::current().now();
    if (patience != Duration::zero() && asking_ != 0) deadline = std::max(deadline, now + patience);
    if (now >= std::min(deadline, close_by_)) break;
    co_await pause();
  }
  ends_ = true;
  // Once a shard has taken note, no call begins there: those that are counted by then are all.
  for (Shard* shard : shards_) {
    std::function<Task<bool>(CancelScope&)> note = [this, shard](CancelScope&) { return end_calls(*shard); };
    co_await on_shard<bool>(*shard, never, std::move(note));
  }
  while (in_flight() != 0) co_await pause();
  std::function<Task<bool>(CancelScope&)> stop = [this](CancelScope&) { return stop_keeping(); };
  co_await on_shard<bool>(home_, never, std::move(stop));
  for (Shard* shard : shards_) {
    std::function<Task<bool>(CancelScope&)> free = [this, shard](CancelScope&) { return let_go(*shard); };
    co_await on_shard<bool>(*shard, never, std::move(free));
  }
}

Task<bool> Endpoint::end_calls(Shard& shard) {
  seats_[shard.index()]->stop.cancel();
  co_return true;
}

Task<bool> Endpoint::stop_keeping() {
  co_await links_.close();
  co_await watch_.close();
  closing_.cancel();
  co_await fibers_.join();
  plain_.reset();
  co_return true;
}

Task<bool> Endpoint::let_go(Shard& shard) {
  std::unique_ptr<Transport>& held = seats_[shard.index()]->transport;
  if (held) co_await held->close();
  held.reset();
  co_return true;
}

}  // namespace weir
