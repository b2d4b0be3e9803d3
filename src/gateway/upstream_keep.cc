// How a server is got to know, kept, and let go of: one fiber on its home shard.
#include <algorithm>

#include "base/random.h"
#include "gateway/stoppable.h"
#include "gateway/upstream_state.h"
#include "runtime/hop.h"

namespace weir {
namespace {

// A child that died is not started again sooner, however much it is wanted.
constexpr Duration kRestMin = std::chrono::seconds(1);

// Whatever became of the greeting: of the calls that wait for it nothing was sent.
Error never_sent(Error error) {
  if (error.kind() == Error::Kind::outcome_unknown)
    error = Error(Error::Kind::unreachable, error.side(), Error::Sent::no, error.detail());
  error.set_sent(Error::Sent::no);
  return error;
}

}  // namespace

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
