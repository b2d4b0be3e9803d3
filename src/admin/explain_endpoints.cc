#include "admin/explain_endpoints.h"

#include <algorithm>
#include <utility>

#include "admin/report.h"
#include "base/units.h"
#include "runtime/shard.h"

namespace weir {
namespace {

struct Chance {
  bool eligible = false;
  std::string why;
};

std::string because_of(const ServerStatus& now) {
  return now.reason.empty() ? now.error.detail() : now.reason;
}

// Of one alone: as Upstream::admit_only would have it, but without asking for leave.
Chance chance_of_only(Endpoint& only) {
  const EndpointHealth& health = only.health();
  const auto now = only.status();
  const bool known = now->state == ServerState::ready && now->peer && !now->peer->lost;
  if (!health.breaks() || !known) return {true, "the only one: it is called however it stands"};
  const TimePoint from = health.breaker().tried_from();
  switch (health.breaker().state()) {
    case BreakerState::closed:
      return {true, "the only one: it is called while its circuit breaker is closed"};
    case BreakerState::half_open:
      return {true, "the only one: its circuit breaker is half open, so a few calls at a time try it"};
    case BreakerState::open:
      break;
  }
  const TimePoint at = Shard::current().now();
  if (from <= at) return {true, "the only one: its circuit breaker is open, and the next call tries it"};
  std::string why = "the only one, but its circuit breaker is open";
  if (const std::string because = because_of(*now); !because.empty()) why += ": " + because;
  why += from == kForever ? "; probes say when calls may try it"
                          : "; a call may try it in " +
                                format_duration(std::chrono::ceil<std::chrono::milliseconds>(from - at));
  return {false, std::move(why)};
}

// Of a set with a choice: why this one may get a call, or may not.
std::string standing_of(const EndpointSet& set, std::size_t place) {
  const SetMember& member = set.members[place];
  const auto now = member.endpoint->status();
  if (member.draining) return "draining: the configuration has it no more";
  if (member.weight == 0) return "weight 0: it gets nothing new";
  const bool eligible = set.roster.eligible[place];
  if (eligible && set.roster.panic) return "panic: too few are healthy, so all are tried";
  const std::string because = because_of(*now);
  if (eligible)
    return now->health == Health::degraded ? "degraded, and used: " + because
                                           : std::string(state_word(member));
  if (now->health == Health::unhealthy) {
    const bool trial =
        std::find(set.trials.begin(), set.trials.end(), member.endpoint.get()) != set.trials.end();
    return "unhealthy: " + because + (trial ? "; a call may try it from time to time" : "");
  }
  if (now->health == Health::unknown || !now->peer)
    return std::string(state_word(member)) + ": it has not said yet who it is" +
           (because.empty() ? std::string() : ", " + because);
  return "a backup: priority " + std::to_string(member.priority) + ", and those before it are well enough";
}

Chance chance_of(const EndpointSet& set, std::size_t place) {
  Endpoint& endpoint = *set.members[place].endpoint;
  if (set.only == &endpoint) return chance_of_only(endpoint);
  return {set.only == nullptr && set.roster.eligible[place], standing_of(set, place)};
}

}  // namespace

// Nor is it panic where one alone is left out.
void append_chances(std::string& out, const EndpointSet& set) {
  bool panic = set.roster.panic;
  std::string endpoints;
  for (std::size_t i = 0; i < set.members.size(); ++i) {
    if (i != 0) endpoints += ',';
    const Chance chance = chance_of(set, i);
    if (set.only == set.members[i].endpoint.get()) panic = panic && chance.eligible;
    append_endpoint(endpoints, set.members[i]);
    endpoints.pop_back();
    endpoints += chance.eligible ? ",\"eligible\":true" : ",\"eligible\":false";
    append_member(endpoints, "why", chance.why);
    endpoints += '}';
  }
  out += panic ? ",\"panic\":true" : ",\"panic\":false";
  out += ",\"endpoints\":[" + endpoints + ']';
}

}  // namespace weir
