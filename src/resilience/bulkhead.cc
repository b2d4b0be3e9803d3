#include "resilience/bulkhead.h"

#include <algorithm>

#include "base/json.h"
#include "base/units.h"
#include "call/kind.h"
#include "runtime/shard.h"

namespace weir {
namespace {

Task<Result<Reply>> refuse(Error error) { co_return fail(std::move(error)); }

}  // namespace

ToolLimits tool_limits(const ServerConfig& config) {
  ToolLimits out;
  for (const auto& [name, tool] : config.tools)
    if (tool.max_concurrent) out.emplace(name, *tool.max_concurrent);
  return out;
}

Bulkhead::Bulkhead(std::unique_ptr<Service> next, const BulkheadConfig& config, const ToolLimits& tools,
                   ServerPolicies& policies)
    : next_(std::move(next)),
      config_(config),
      limits_(tools),
      policies_(policies),
      admission_(policies.admission) {
  for (const auto& [name, limit] : limits_) tools_.emplace(name, admission_.tool(name));
}

CountedLimit* Bulkhead::tool_limit(const Call& call) const {
  if (call.row.route != Route::by_name || call.row.kind != ListKind::tools) return nullptr;
  const std::string_view name = tool_of(call);
  // A name is the same with escapes in it.
  const auto found = name.starts_with('"') ? tools_.find(json_unescape(name)) : tools_.find(name);
  return found == tools_.end() ? nullptr : found->second;
}

// No coroutine of its own where there is room.
Task<Result<Reply>> Bulkhead::call(Call& call) {
  Permit& permit = *call.permit;
  if (permit.paused_by(admission_)) {
    // The next round of a call whose client was asked for something.
    permit.resume();
    return next_->call(call);
  }
  permit.end();  // of what was asked with the same call before
  AdmissionWish wish;
  wish.client = admission_.client_of(call.client.identity);
  wish.priority = call.priority;
  if (!tools_.empty()) wish.tool = tool_limit(call);
  if (!admission_.enter(wish)) return enter_slowly(call, wish);
  admission_.begin(permit, wish, Shard::current().now());
  return next_->call(call);
}

Task<Result<Reply>> Bulkhead::enter_slowly(Call& call, const AdmissionWish& wish) {
  std::shared_ptr<AdmissionWait> turn;
  if (const std::optional<Refused> refused = admission_.join(wish, turn))
    return refuse(refusal(*refused, wish));
  if (turn) return wait(call, std::move(turn));
  admission_.begin(*call.permit, wish, Shard::current().now());
  return next_->call(call);
}

Task<Result<Reply>> Bulkhead::wait(Call& call, std::shared_ptr<AdmissionWait> turn) {
  const TimePoint timeout = Shard::current().now() + config_.queue_timeout;
  const TimePoint until = std::min(timeout, call.deadline);
  const Wake wake = co_await turn->waiter.wait(until, &call.cancel);
  const AdmissionWait::State state = admission_.leave(*turn);
  const AdmissionWish& wish = turn->wish;
  if (wake == Wake::cancelled) {
    if (state == AdmissionWait::State::served) admission_.undo(wish);
    co_return fail(Error::Kind::cancelled, Error::Side::client, Error::Sent::no, "the call was cancelled");
  }
  if (state == AdmissionWait::State::displaced) co_return fail(refusal(Refused::displaced, wish));
  if (state == AdmissionWait::State::served) {
    admission_.begin(*call.permit, wish, Shard::current().now());
    co_return co_await next_->call(call);
  }
  const Refused why = admission_.obstacle(wish, Refused::queue_timeout);
  Error error = refusal(why, wish);
  if (until == timeout) co_return fail(std::move(error));
  co_return fail(Error::Kind::deadline_exceeded, Error::Side::gateway, Error::Sent::no,
                 "its time was over before it was its turn: " + error.detail());
}

Error Bulkhead::refusal(Refused reason, const AdmissionWish& wish) {
  policies_.counts.refusals.add(reason);
  std::string detail;
  detail.reserve(192);
  const auto say = [&detail](std::string_view text) -> std::string& { return detail.append(text); };
  const auto busy = [&](std::string_view verb) {
    say(verb).append(std::to_string(admission_.limit().value_or(0))).append(" at a time (");
    say(config_.adaptive ? "bulkhead.adaptive)" : "bulkhead.max_concurrent)");
  };
  switch (reason) {
    case Refused::client_share:
      say("this client has as many calls under way as one may have, ");
      say(std::to_string(admission_.share())).append(" (bulkhead.client_share): make fewer at a time");
      break;
    case Refused::tool_limit:
      say("as many calls of this tool are under way as may be, ");
      say(std::to_string(wish.tool->limit.load(std::memory_order_relaxed)));
      say(" (its max_concurrent): raise that if it can do more");
      break;
    case Refused::displaced:
      busy("it is busy, ");
      say(", and the call that waited gave its place to a more urgent one, or to a client with fewer");
      break;
    case Refused::queue_timeout:
      busy("it was busy, ");
      say(", all the ").append(format_duration(config_.queue_timeout));
      say(" that a call may wait (bulkhead.queue_timeout): raise these if it can do more");
      break;
    default:
      busy("it is busy, ");
      say(", and ").append(std::to_string(config_.max_queue));
      say(" calls wait already (bulkhead.max_queue): raise these if it can do more");
  }
  return Error(Error::Kind::overloaded, Error::Side::gateway, Error::Sent::no, std::move(detail))
      .set_retry_after(admission_.retry_after(reason, wish));
}

std::string Bulkhead::describe() const {
  std::string out = "bulkhead: ";
  if (config_.enabled)
    out += std::string(config_.adaptive ? "up to " : "") + std::to_string(config_.max_concurrent) +
           " calls at a time" + (config_.adaptive ? ", as many as it does well" : "") + ", of one client " +
           format_share(config_.client_share) + "; ";
  out += std::to_string(config_.max_queue) + " may wait " + format_duration(config_.queue_timeout);
  for (const auto& [name, limit] : limits_) out += "; " + name + ": " + std::to_string(limit);
  return out;
}

}  // namespace weir
