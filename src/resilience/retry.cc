#include "resilience/retry.h"

#include <algorithm>
#include <optional>

#include "base/units.h"
#include "resilience/backoff.h"
#include "runtime/shard.h"
#include "runtime/waiter.h"

namespace weir {
namespace {

// What a server asks for beyond this is its client's to wait for: a call that sleeps keeps others out.
constexpr Duration kLongestAsked = std::chrono::seconds(1);

}  // namespace

bool may_retry(const Call& call, const Error& error) {
  using Kind = Error::Kind;
  // What the upstream saw decides, never what came back.
  const auto safe = [&] { return error.sent() == Error::Sent::no || call.may_repeat(); };
  switch (error.kind()) {
    case Kind::unreachable:
    case Kind::outcome_unknown:
    case Kind::upstream_protocol:
      return safe();
    case Kind::overloaded:
      // It has said so itself: a server's own limit is not one of ours.
      return error.side() == Error::Side::upstream && safe();
    default:
      return false;
  }
}

// No frame of its own where nothing fails.
Task<Result<Reply>> Retry::call(Call& call) {
  budget_->deposit(Shard::current().now());
  Task<Result<Reply>> first = next_->call(call);
  first.on_failure<&Retry::again>(*this, call);
  return first;
}

// The first attempt has failed.
Task<Result<Reply>> Retry::again(Call& call, Result<Reply> reply) {
  Duration pause{};
  std::optional<Error> seen;  // of an earlier attempt that its server may have seen
  std::size_t attempt = 1;
  // However it ends: if it was tried again, it counts.
  const auto count = [&] {
    if (attempt > 1) policies_.counts.retries.add(reply ? RetryOutcome::ok : RetryOutcome::failed);
  };
  for (;; ++attempt) {
    const Error::Kind how = reply ? Error::Kind::internal : reply.error().kind();
    if (!reply && reply.error().sent() == Error::Sent::maybe) seen = reply.error();
    // What the last one did not send an earlier one may have.
    if (!reply && seen) reply = fail(*seen);
    if (reply || attempt == config_.max_attempts || !may_retry(call, reply.error()) ||
        !policies_.restraint.get().retries()) {
      count();
      co_return reply;
    }
    Shard& shard = Shard::current();
    pause = backoff(config_, attempt + 1, pause, policies_.choice.chance());
    // Another endpoint was not the one that asked for time.
    const auto asked = reply.error().retry_after();
    const bool elsewhere = policies_.choice.has_another(call);
    const Duration wait = asked && !elsewhere ? std::max<Duration>(pause, *asked) : pause;
    // Longer than is waited here, or than there is time, or for nobody.
    if (wait > std::max<Duration>(config_.max_delay, kLongestAsked) || call.cancel.cancelled() ||
        shard.now() + wait >= call.ends_by()) {
      count();
      co_return reply;
    }
    if (!budget_->withdraw(shard.now())) {
      policies_.counts.retries.add(RetryOutcome::budget);
      co_return reply;
    }
    if (call.notes != nullptr) call.notes->note_failed(call.notes->endpoint, how);
    if (wait > Duration::zero()) {
      const Wake wake = co_await Sleep(shard.now() + wait, &call.cancel);
      if (wake == Wake::cancelled) {
        count();
        co_return reply;
      }
    }
    // It may go elsewhere now, unless only one knows what it is about.
    if (!call.at_only && call.request_state.empty()) call.at = 0;
    Result<Reply> next = co_await next_->call(call);
    reply = std::move(next);
  }
}

std::string Retry::describe() const {
  return "retry: " + std::to_string(config_.max_attempts) + " attempts, pauses of " +
         format_duration(config_.initial_delay) + " to " + format_duration(config_.max_delay) + ", budget " +
         format_share(config_.budget) + " + " + std::to_string(config_.budget_reserve) + "/s";
}

}  // namespace weir
