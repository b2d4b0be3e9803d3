#include "sim/balancing_judge.h"

#include <algorithm>

namespace weir::sim {
namespace {

bool is_unhealthy(const SetMember& member) { return member.endpoint->status()->health == Health::unhealthy; }

bool takes_part(const SetMember& member) { return !member.draining && member.weight != 0; }

// No priority has enough endpoints that are well; where none has ever said who it is, those that nothing is
// known of count.
bool panics(const EndpointSet& set) {
  bool any_known = false;
  for (const SetMember& member : set.members)
    any_known = any_known || (takes_part(member) && member.endpoint->status()->peer);
  std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> priorities;  // how many are well, of how many
  for (const SetMember& member : set.members) {
    if (!takes_part(member)) continue;
    auto& [well, all] = priorities[member.priority];
    ++all;
    const auto now = member.endpoint->status();
    const bool hoped = !any_known && now->health == Health::unknown && !now->absent;
    if (now->health == Health::healthy || now->health == Health::degraded || hoped) ++well;
  }
  const double least = set.balancing.panic_threshold;
  if (least <= 0 || priorities.empty()) return false;
  return std::none_of(priorities.begin(), priorities.end(), [least](const auto& one) {
    const auto [well, all] = one.second;
    return well > 0 && static_cast<double>(well) + 1e-6 >= least * static_cast<double>(all);
  });
}

std::string text_of(const EndpointSet& set) {
  std::string text;
  for (const SetMember& member : set.members)
    text += ' ' + member.endpoint->address() + ' ' + std::string(state_word(member)) + " of weight " +
            std::to_string(member.weight) + " and priority " + std::to_string(member.priority) + ';';
  return text;
}

}  // namespace

void BalancingJudge::blame(const Endpoint& endpoint, const std::string& what) {
  violations_.push_back("endpoint " + endpoint.name() + ' ' + endpoint.address() + ": " + what);
}

void BalancingJudge::follow(const std::vector<std::shared_ptr<Upstream>>& servers) {
  std::vector<Server> next;
  for (const auto& upstream : servers) {
    const auto known = std::find_if(servers_.begin(), servers_.end(),
                                    [&](const Server& server) { return server.upstream.lock() == upstream; });
    next.emplace_back();
    if (known != servers_.end()) {
      next.back() = std::move(*known);
      continue;
    }
    next.back().upstream = upstream;
    // It knows nothing of what its predecessor's clients did where.
    for (auto& [where, when] : unusable_)
      if (where.first == upstream->name()) when = world_.now();
  }
  servers_ = std::move(next);
}

void BalancingJudge::look() {
  for (Server& server : servers_) look_at(server);
}

void BalancingJudge::look_at(Server& server) {
  const auto upstream = server.upstream.lock();
  if (!upstream) return;
  const auto set = upstream->endpoints();
  const bool same = server.set == set;
  const bool panic = same ? server.panic : panics(*set);
  if (!same && set->roster.panic != panic)
    violations_.push_back("server " + upstream->name() + (panic ? " should panic:" : " panics for nothing:") +
                          text_of(*set));
  if (!same) note_usable(upstream->name(), *set);
  std::size_t trials = 0;
  for (const SetMember& member : set->members) {
    Before& before = server.endpoints[member.endpoint->number()];
    const bool unhealthy = is_unhealthy(member);
    if (member.endpoint->facts().picked != before.picked)
      judge_picks(server, *set, member, before, unhealthy, panic);
    const bool calls =
        std::find(set->trials.begin(), set->trials.end(), member.endpoint.get()) != set->trials.end();
    trials += calls ? 1U : 0U;
    if (unhealthy && !before.unhealthy) ++(calls ? sights_.ejected : sights_.out);
    if (!unhealthy && before.unhealthy && !member.draining) ++sights_.returned;
    if (member.draining && !before.draining) {
      ++sights_.drained;
      if (member.endpoint->in_flight() != 0) ++sights_.drained_busy;
    }
    before.picked = member.endpoint->facts().picked;
    before.unhealthy = unhealthy;
    before.draining = member.draining;
  }
  const auto configured = static_cast<std::size_t>(std::count_if(
      set->members.begin(), set->members.end(), [](const SetMember& member) { return !member.draining; }));
  // What trips a circuit breaker needs no leave.
  const bool leave = !upstream->config().circuit_breaker.enabled;
  if (leave && trials > server.trials && trials > std::max<std::size_t>(1, configured / 2))
    violations_.push_back("server " + upstream->name() + ": calls have ejected " + std::to_string(trials) +
                          " of " + std::to_string(configured));
  server.trials = trials;
  server.panic = panic;
  server.set = set;
}

void BalancingJudge::judge_picks(const Server& server, const EndpointSet& set, const SetMember& member,
                                 const Before& before, bool unhealthy, bool panic) {
  const Endpoint& endpoint = *member.endpoint;
  const std::uint64_t picks = member.endpoint->facts().picked - before.picked;
  sights_.picks += picks;
  if (before.draining) blame(endpoint, "it got a call while draining");
  if (panic) sights_.in_panic += picks;
  // What changed in this turn may have done so after the pick.
  if (!unhealthy || !before.unhealthy || panic || server.panic || server.set.get() != &set) return;
  if (set.only != nullptr || before.draining) return;
  sights_.trials += picks;
  // A circuit breaker that a call has half-opened takes as many as it may.
  const CircuitBreakerConfig& breaker = endpoint.config().circuit_breaker;
  if (picks > (breaker.enabled ? breaker.half_open_max_requests : 1))
    blame(endpoint, "it got " + std::to_string(picks) + " calls at once while it was out");
  // Nobody new comes to one of weight 0: only the sessions that it has may prove it.
  const bool proved_by_sessions = member.weight == 0 && breaker.enabled;
  if (!proved_by_sessions && std::find(set.trials.begin(), set.trials.end(), &endpoint) == set.trials.end())
    blame(endpoint, "it got a call while it was unhealthy: " + endpoint.status()->reason + "; panic below " +
                        std::to_string(set.balancing.panic_threshold) +
                        (set.roster.empty() ? ", nobody:" : ":") + text_of(set));
}

void BalancingJudge::note_usable(const std::string& name, const EndpointSet& set) {
  std::map<std::string, bool> usable;
  for (const SetMember& member : set.members) {
    const bool now = !member.draining && set.roster.eligible[set.place_of(*member.endpoint)];
    usable[member.endpoint->config().url] |= now;
    unusable_.try_emplace({name, member.endpoint->config().url}, world_.now());
  }
  // What was not usable until now was so up to this moment.
  for (auto& [where, when] : unusable_)
    if (where.first == name && (when == kForever || !usable[where.second]))
      when = usable[where.second] ? world_.now() : kForever;
}

bool BalancingJudge::usable_since(const std::string& server, const std::string& url, TimePoint since) const {
  const auto found = unusable_.find({server, url});
  return found != unusable_.end() && found->second < since;
}

}  // namespace weir::sim
