#include "resilience/hedge.h"

#include <algorithm>

#include "base/units.h"
#include "call/kind.h"
#include "runtime/frame_pool.h"
#include "runtime/nursery.h"
#include "runtime/shard.h"

namespace weir {
namespace {

// A call of which nothing is known has waited long after this; one of a known kind at the earliest, and after
// so many times what nearly all of its kind take.
constexpr Duration kUnknown = std::chrono::seconds(1);
constexpr Duration kLeastPatience = std::chrono::milliseconds(250);
constexpr int kTimesUsual = 4;
constexpr Duration kLeastDelay = std::chrono::milliseconds(1);

// Nothing has come yet: the reply is but a place where it will.
bool is_late(const Result<Reply>& reply) noexcept {
  return reply && reply->rest && !reply->first.message && !reply->large;
}

}  // namespace

/// One attempt that can be given up by itself. Lives as long as what it gave is read.
struct Hedge::Shot final : public Lease {
  explicit Shot(const Call& of) : scope(of.cancel), call(of, scope) {}
  // Made for each call that may be repeated: as cheap as a frame.
  static void* operator new(std::size_t size) { return detail::acquire_frame(size); }
  static void operator delete(void* shot, std::size_t size) noexcept { detail::release_frame(shot, size); }
  CancelScope scope;
  Call call;
  std::optional<Result<Reply>> reply;
};

/// Two attempts under way.
struct Hedge::Race {
  // The loser's attempt counts for where it went, the answer for where it came from.
  void note(CallNotes& notes, std::string_view first_endpoint, std::uint32_t attempts_before) const {
    if (notes.attempts == attempts_before) return;
    const std::string_view second_endpoint = notes.endpoint;
    const bool first_won = event && event->has_value();
    if (first_won) {
      const bool over = second->reply && !second->reply->has_value();
      notes.note_failed(second_endpoint, over ? second->reply->error().kind() : Error::Kind::cancelled);
      notes.endpoint = first_endpoint;
    } else {
      notes.note_failed(first_endpoint, event ? event->error().kind() : Error::Kind::cancelled);
    }
  }

  std::unique_ptr<Shot> first;
  std::unique_ptr<Shot> second;
  std::optional<Result<ReplyEvent>> event;  // the first one's
  Waiter changed;
};

Hedge::Hedge(std::unique_ptr<Service> next, Options options, ServerPolicies& policies)
    : next_(std::move(next)), options_(std::move(options)), policies_(policies) {
  if (options_.config.enabled && !options_.config.delay.fixed)
    policies_.latencies.watch(options_.config.delay.percentile);
}

// No coroutine of its own where there is nothing to watch.
Task<Result<Reply>> Hedge::call(Call& call) {
  if (options_.hedges) options_.hedges->deposit(Shard::current().now());
  if (call.first_by != kForever || !call.may_repeat() || !policies_.choice.has_another(call))
    return next_->call(call);
  return watch(call);
}

Task<Result<Reply>> Hedge::watch(Call& call) {
  const TimePoint begun = Shard::current().now();
  const std::uint64_t kind = kind_of(call);
  const std::optional<Latencies::Known> known = policies_.latencies.find(kind);
  Duration patience = known ? std::max(kLeastPatience, kTimesUsual * known->p99) : kUnknown;
  if (options_.patience) patience = *options_.patience;
  // Who is in a hurry is left time for a second one, but what is usual is not late.
  if (call.ends_by() != kForever)
    patience =
        std::min(patience, std::max((call.ends_by() - begun) / 2, known ? known->p99 : Duration::zero()));
  bool hedged = false;
  if (options_.config.enabled && policies_.restraint.get().hedges()) {
    const HedgeDelay& delay = options_.config.delay;
    const Duration late = delay.fixed ? Duration(*delay.fixed) : known ? known->watched : patience;
    hedged = late < patience;
    patience = std::min(patience, std::max(late, kLeastDelay));
  }
  auto shot = std::make_unique<Shot>(call);
  shot->call.first_by = begun + patience;
  Result<Reply> reply = co_await next_->call(shot->call);
  call.tried = shot->call.tried;
  if (reply) call.peer = reply->peer.get();
  if (!is_late(reply)) {
    if (reply && !reply->rest && !reply->large)
      policies_.latencies.note(kind, Shard::current().now() - begun);
    else if (reply)
      reply->leases.add(std::move(shot));
    co_return reply;
  }
  shot->reply.emplace(std::move(reply));
  co_return co_await race(call, std::move(shot), kind, begun, hedged);
}

bool Hedge::pay(bool hedged, TimePoint now) {
  // Where nothing is retried, hedging has the only budget.
  const bool of_hedges = hedged || !options_.retries;
  if (of_hedges && options_.hedges && !options_.hedges->withdraw(now)) return false;
  return !options_.retries || options_.retries->withdraw(now);
}

Task<void> Hedge::read_first(Race& race) {
  race.event.emplace(co_await (*race.first->reply)->rest->next(kForever));
  race.changed.wake();
}

Task<void> Hedge::run_second(Race& race) {
  Result<Reply> reply = co_await next_->call(race.second->call);
  race.second->reply.emplace(std::move(reply));
  race.changed.wake();
}

Task<Result<Reply>> Hedge::race(Call& call, std::unique_ptr<Shot> first, std::uint64_t kind, TimePoint begun,
                                bool hedged) {
  Race race;
  race.first = std::move(first);
  const std::string_view endpoint = call.notes == nullptr ? std::string_view() : call.notes->endpoint;
  const std::uint32_t attempts = call.notes == nullptr ? 0 : call.notes->attempts;
  const Duration waited = call.notes == nullptr ? Duration::zero() : call.notes->upstream_time;
  const TimePoint raced = Shard::current().now();
  Nursery fibers;
  fibers.start(read_first(race));
  const bool answered = race.event.has_value();
  if (!answered && policies_.choice.has_another(call) && !call.cancel.cancelled()) {
    if (pay(hedged, Shard::current().now())) {
      race.second = std::make_unique<Shot>(call);
      // Where the first one was to go is known by now, and it is not answered there.
      if (!call.at_only && call.request_state.empty()) race.second->call.at = 0;
      fibers.start(run_second(race));
    } else {
      policies_.counts.hedges.add(HedgeOutcome::budget);
    }
  }
  const auto settled = [&race] {
    const bool first_over = race.event.has_value();
    if (!race.second) return first_over;
    const bool second_over = race.second->reply.has_value();
    // One that failed leaves it to the other.
    return (first_over && (race.event->has_value() || second_over)) ||
           (second_over && (race.second->reply->has_value() || first_over));
  };
  while (!settled()) co_await race.changed.wait(kForever, nullptr);
  if (call.notes != nullptr && race.second) race.note(*call.notes, endpoint, attempts);
  const Duration took = Shard::current().now() - raced;
  Result<Reply> reply = settle(race);
  co_await fibers.join();
  // Each has counted its own, and the client waited for both at once.
  if (call.notes != nullptr && race.second) call.notes->upstream_time = waited + took;
  if (race.second) call.tried = race.second->call.tried;
  if (reply) call.peer = reply->peer.get();
  if (reply && reply->first.last) policies_.latencies.note(kind, Shard::current().now() - begun);
  co_return reply;
}

// The winner's reply; the other one is given up. What is read of it still ends before the race does.
Result<Reply> Hedge::settle(Race& race) {
  const bool first_good = race.event && race.event->has_value();
  const bool second_good = race.second && race.second->reply && race.second->reply->has_value();
  if (race.second) {
    const bool failed = race.second->reply && !race.second->reply->has_value();
    policies_.counts.hedges.add(second_good && !first_good ? HedgeOutcome::won
                                : failed                   ? HedgeOutcome::failed
                                                           : HedgeOutcome::lost);
  }
  if (second_good && !first_good) {
    race.first->call.outrun = true;
    race.first->scope.cancel();
    Reply reply = std::move(**race.second->reply);
    if (reply.rest || reply.large) reply.leases.add(std::move(race.second));
    return reply;
  }
  if (race.second) race.second->scope.cancel();
  if (!first_good) {
    // Of two that failed the one that may have been seen is told.
    const Error& first = race.event->error();
    if (race.second && race.second->reply && first.sent() == Error::Sent::no)
      return fail(race.second->reply->error());
    return fail(first);
  }
  Reply reply = std::move(**race.first->reply);
  reply.first = std::move(**race.event);
  if (reply.first.last) {
    reply.rest.reset();
  } else {
    reply.leases.add(std::move(race.first));
  }
  return reply;
}

std::string Hedge::describe() const {
  std::string out = "patience: ";
  out += options_.patience ? format_duration(*options_.patience) : "4 x p99, at least 250ms";
  if (options_.config.enabled) {
    const HedgeDelay& delay = options_.config.delay;
    out += "; hedge: after " +
           (delay.fixed ? format_duration(*delay.fixed) : 'p' + std::to_string(delay.percentile)) +
           ", budget " + format_share(options_.config.budget);
  }
  return out;
}

}  // namespace weir
