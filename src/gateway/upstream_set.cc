// Who may get calls: the set of endpoints, made anew whenever one of them stands otherwise or the
// configuration does, and what it comes to for the server as a whole.
#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/url.h"
#include "gateway/upstream_stack.h"
#include "gateway/upstream_state.h"
#include "mcp/splice.h"

namespace weir {
namespace {

bool is_well(Health health) noexcept { return health == Health::healthy || health == Health::degraded; }

std::string name_told(const Peer& peer) {
  if (peer.facts.server_info.empty()) return {};
  const std::string_view raw = members_of(peer.facts.server_info).find("name");
  return raw.size() < 2 || raw.front() != '"' ? std::string() : json_unescape(raw);
}

// How a server stands whose endpoints stand like this.
ServerStatus sum_of(const EndpointSet& set) {
  ServerStatus sum;
  std::size_t count = 0, healthy = 0, well = 0, unknown = 0;
  bool starting = false, authorization = false, all_stopped = true;
  for (std::size_t i = 0; i < set.members.size(); ++i) {
    const SetMember& member = set.members[i];
    if (member.draining || (member.weight == 0 && set.only == nullptr)) continue;
    const auto status = member.endpoint->status();
    ++count;
    healthy += status->health == Health::healthy ? 1U : 0U;
    well += is_well(status->health) ? 1U : 0U;
    unknown += status->health == Health::unknown ? 1U : 0U;
    starting = starting || status->state == ServerState::starting;
    authorization = authorization || status->state == ServerState::needs_authorization;
    all_stopped = all_stopped && status->state == ServerState::stopped;
    // One alone whose calls fail is there all the same: what it has is not forgotten.
    const bool there = set.only != nullptr && status->failing;
    const bool usable = status->peer && (status->health != Health::unhealthy || there);
    if (usable && !sum.peer) sum.peer = status->peer;
    if (!usable && sum.error.detail().empty() && !status->reason.empty()) {
      sum.error = status->error.detail().empty() ? Error(Error::Kind::unreachable, Error::Side::upstream,
                                                         Error::Sent::no, status->reason)
                                                 : status->error;
    }
    if (status->health != Health::healthy && sum.reason.empty() && !status->reason.empty())
      sum.reason =
          set.members.size() == 1 ? status->reason : member.endpoint->address() + ": " + status->reason;
  }
  if (count == 0 && (set.resolving || !set.unresolved.detail().empty())) {
    sum.state = set.resolving ? ServerState::starting : ServerState::unreachable;
    sum.health = set.resolving ? Health::unknown : Health::unhealthy;
    sum.error = set.resolving ? Error() : set.unresolved;
    sum.reason = sum.error.detail();
    return sum;
  }
  sum.state = sum.peer        ? ServerState::ready
              : all_stopped   ? ServerState::stopped
              : starting      ? ServerState::starting
              : authorization ? ServerState::needs_authorization
                              : ServerState::unreachable;
  if (sum.peer) sum.error = Error();
  // What is still starting speaks neither way.
  sum.health = healthy != 0 && healthy + unknown == count ? Health::healthy
               : well != 0                                ? Health::degraded
               : unknown != 0                             ? Health::unknown
                                                          : Health::unhealthy;
  if (sum.health == Health::healthy) sum.reason.clear();
  return sum;
}

// As long as another is well probes alone put an endpoint out. Once the last of them hangs all are tried: but
// none that calls wait for in vain.
void bar_who_hangs(const EndpointSet& set, std::vector<Standing>& standings) {
  const auto gone = [](const Standing& one) {
    return one.draining || one.weight == 0 || one.health == Health::unhealthy;
  };
  const auto hangs = [](const SetMember& one) { return one.endpoint->status()->silent; };
  const auto fails = [](const SetMember& one) { return !one.draining && one.endpoint->status()->failing; };
  if (set.only != nullptr || !std::all_of(standings.begin(), standings.end(), gone) ||
      std::none_of(set.members.begin(), set.members.end(), hangs) ||
      std::any_of(set.members.begin(), set.members.end(), fails))
    return;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    Endpoint& endpoint = *set.members[i].endpoint;
    const auto status = endpoint.status();
    if (standings[i].barred || status->health != Health::unhealthy || !status->wants_witness ||
        !status->peer || !endpoint.health().keeps_silent(Shard::current().now()))
      continue;
    standings[i].barred = true;
    endpoint.health().unanswered();
  }
}

}  // namespace

std::string_view state_word(const SetMember& member) noexcept {
  if (member.draining) return "draining";
  const auto now = member.endpoint->status();
  if (now->state == ServerState::starting && now->health != Health::unhealthy) return "starting";
  return to_string(now->health);
}

Upstream::Upstream(ServerConfig config, Options options, std::span<Shard* const> shards)
    : config_(std::move(config)),
      options_(std::move(options)),
      shards_(shards.begin(), shards.end()),
      next_home_(options_.first_home),
      configured_(config_),
      policies_(*this),
      set_(std::make_shared<const EndpointSet>()),
      status_(std::make_shared<const ServerStatus>()),
      names_(config_.resolve_dns ? make_names(*shards_[options_.first_home % options_.workers]) : nullptr) {
  for (Shard* shard : shards_) seats_.push_back(std::make_unique<Seat>(set_, shard->chance()));
  reshape([] {});
}

Upstream::~Upstream() = default;

std::vector<Upstream::Wanted> Upstream::wanted_of(const ServerConfig& config) {
  std::vector<Wanted> out;
  const auto add = [&](std::string address) -> Wanted& {
    out.emplace_back();
    out.back().config = config;
    out.back().config.endpoints.clear();
    out.back().address = std::move(address);
    return out.back();
  };
  if (config.type == ServerConfig::Type::stdio) {
    for (std::size_t i = 0; i < std::max<std::size_t>(config.replicas, 1); ++i)
      add("stdio:" + config.name + '#' + std::to_string(i));
  } else if (config.type == ServerConfig::Type::builtin) {
    add("builtin:" + config.builtin);
  } else if (config.endpoints.empty()) {
    add(display_url(config.url));
  } else {
    for (const EndpointConfig& endpoint : config.endpoints) {
      Wanted& one = add(display_url(endpoint.url));
      one.config.url = endpoint.url;
      one.weight = static_cast<std::uint32_t>(endpoint.weight);
      one.priority = static_cast<std::uint32_t>(endpoint.priority);
    }
  }
  return out;
}

std::shared_ptr<Endpoint> Upstream::make_endpoint(const Wanted& wanted, bool alone) {
  Endpoint::Options options = options_.endpoint;
  options.address = wanted.address;
  options.label = *addresses_.insert(wanted.address).first;
  options.connect_to = wanted.connect_to;
  options.alone = alone;
  options.quota = &quota_;
  options.homed = homed();
  options.on_change = [this](Endpoint& endpoint) { endpoint_changed(endpoint); };
  options.on_sessions = [this] { renew(); };
  options.on_breaker = [this](const Endpoint& endpoint, const BreakerChange& change) {
    if (options_.on_breaker) options_.on_breaker(*this, endpoint, change);
  };
  options.on_event = [this](const std::string& key, Message message, std::shared_ptr<ServerLink> asker) {
    if (options_.on_event) options_.on_event(*this, key, std::move(message), std::move(asker));
  };
  options.owns = [this](const Endpoint& endpoint, const std::string& key) { return belongs(endpoint, key); };
  options.has_task = [this](const Endpoint& endpoint, const std::string& task) {
    const std::uint32_t at = options_.task_endpoint ? options_.task_endpoint(name(), task) : 0;
    return at == 0 || at == endpoint.number();
  };
  options.keep = [this] { return weak_from_this().lock(); };
  return std::make_shared<Endpoint>(
      wanted.config, std::move(options),
      transport_factory(wanted.config, options_.limits, wanted.connect_to, options_.child_wrote), shards_,
      next_home_++ % options_.workers);
}

// Publishes the set with what `changes` does to its members and balancing. They may stand otherwise by the
// time that it is read: whoever changes renews it.
void Upstream::change(const std::function<void(EndpointSet&)>& changes) {
  bool anew = false;
  bool told = true;
  std::vector<std::shared_ptr<Endpoint>> left;
  {
    std::lock_guard lock(lock_);
    const auto before = set_.load();
    auto set = std::make_shared<EndpointSet>();
    set->members = before->members;
    set->balancing = before->balancing;
    set->stack = before->stack;
    set->resolving = before->resolving;
    set->unresolved = before->unresolved;
    changes(*set);
    std::vector<Standing> standings;
    std::vector<Candidate> candidates;
    bool any_known = false;
    std::size_t usable = 0;
    for (const SetMember& member : set->members) {
      const auto status = member.endpoint->status();
      any_known = any_known || (status->peer && !member.draining && member.weight != 0);
      usable += member.draining ? 0U : 1U;
      set->only = member.draining ? set->only : member.endpoint.get();
      set->sessions = set->sessions || member.endpoint->has_sessions();
    }
    if (usable != 1) set->only = nullptr;
    for (const SetMember& member : set->members) {
      const auto status = member.endpoint->status();
      Standing standing;
      standing.health = status->health;
      standing.absent = status->absent || (!status->peer && any_known);
      standing.barred = member.endpoint->health().breaks() && status->peer &&
                        status->health == Health::unhealthy && (status->absent || status->silent);
      standing.draining = member.draining;
      standing.weight = member.weight;
      standing.priority = member.priority;
      standings.push_back(standing);
      const bool out = !member.draining && member.weight != 0 && status->health == Health::unhealthy;
      if (out && member.endpoint->health().takes_trials()) set->trials.push_back(member.endpoint.get());
    }
    bar_who_hangs(*set, standings);
    for (std::size_t i = 0; i < standings.size(); ++i)
      set->barred = set->barred || (standings[i].barred && !standings[i].draining);
    set->roster = make_roster(standings, set->balancing.panic_threshold);
    for (std::size_t i = 0; i < set->members.size(); ++i) {
      const bool well = standings[i].health == Health::healthy || standings[i].health == Health::degraded;
      set->keeps.push_back(set->roster.eligible[i] || (well && !standings[i].draining));
      const SetMember& member = set->members[i];
      Candidate candidate;
      candidate.facts = &member.endpoint->facts();
      candidate.address = member.endpoint->address();
      candidate.weight = std::max<std::uint32_t>(member.weight, 1);
      candidate.eligible = set->roster.eligible[i];
      candidates.push_back(std::move(candidate));
      set->half_open = set->half_open || (set->roster.eligible[i] && !set->roster.forced[i] &&
                                          !member.endpoint->health().closed());
      set->known = set->known || (candidates.back().eligible && member.endpoint->status()->peer);
    }
    set->barred = set->barred && set->roster.empty();
    set->choices =
        static_cast<std::size_t>(std::count(set->roster.eligible.begin(), set->roster.eligible.end(), true));
    if (set->only == nullptr && !set->roster.empty())
      set->picker = make_picker(set->balancing, std::move(candidates), before->picker);
    for (std::size_t i = 0; i < before->members.size(); ++i) {
      const std::shared_ptr<Endpoint>& one = before->members[i].endpoint;
      if (!before->keeps[i] || !one->has_sessions()) continue;
      const bool there = set->find(one->number()) != nullptr;
      if (!there || !set->keeps[set->place_of(*one)]) left.push_back(one);
    }
    ServerStatus sum = sum_of(*set);
    set_.publish(set);
    const auto was = status_.load();
    const WallTime now = Shard::current().wall_now();
    const bool same_state = was->since != WallTime() && was->state == sum.state;
    const bool same_health = was->health_since != WallTime() && was->health == sum.health;
    sum.since = same_state ? was->since : now;
    sum.health_since = same_health ? was->health_since : now;
    // From one way of not being there to another is nothing new to anybody who lists.
    const bool there = was->state == ServerState::ready || sum.state == ServerState::ready;
    anew = there && (!same_state || (set->only != nullptr && was->peer != sum.peer));
    told = same_state && same_health && !anew;
    if (!same_state || !same_health || was->peer != sum.peer || was->reason != sum.reason)
      status_.publish(std::make_shared<const ServerStatus>(std::move(sum)));
  }
  if (!started_.load(std::memory_order_relaxed)) return;
  for (const auto& endpoint : left) move_sessions(*endpoint);
  if (options_.on_change && !told) options_.on_change(*this, anew);
}

// An endpoint gets no calls any more: those of its clients who only listen are brought to others.
void Upstream::move_sessions(Endpoint& from) {
  if (retired()) return;
  const auto set = set_.load();
  for (const std::string& key : from.sessions())
    for (const SetMember& member : set->members)
      if (!member.draining && member.endpoint.get() != &from && belongs(*member.endpoint, key)) {
        member.endpoint->take_over(key);
        from.end_client(key);
        break;
      }
}

void Upstream::renew() {
  change([](EndpointSet&) {});
}

void Upstream::endpoint_changed(Endpoint& endpoint) {
  if (options_.on_endpoint_change) options_.on_endpoint_change(*this, endpoint);
  renew();
  compare_names(*set_.load());
}

// An endpoint that speaks for another server than most is none of this one's.
void Upstream::compare_names(const EndpointSet& set) {
  std::vector<std::pair<Endpoint*, std::string>> told;
  std::map<std::string, std::size_t> votes;
  for (const SetMember& member : set.members) {
    const auto peer = member.endpoint->status()->peer;
    if (member.draining || !peer) continue;
    told.emplace_back(member.endpoint.get(), name_told(*peer));
    ++votes[told.back().second];
  }
  if (told.empty()) return;
  // As many for one as for the other: the first in the configuration is right.
  const std::string* right = &told.front().second;
  for (const auto& [endpoint, name] : told)
    if (votes[name] > votes[*right]) right = &name;
  std::lock_guard lock(lock_);
  for (const auto& [endpoint, name] : told) {
    const std::string reason =
        name == *right ? std::string()
                       : "it says that it is \"" + name + "\", the others that they are \"" + *right + '"';
    std::string& before = misdirected_[endpoint->number()];
    if (before != reason) endpoint->health().misdirected(before = reason);
    if (reason.empty()) misdirected_.erase(endpoint->number());
  }
}

// As long as there was no choice nobody noted where whose session is.
void Upstream::keep_sessions() {
  const Endpoint* lone = set_.load()->only;
  if (lone == nullptr) return;
  const TimePoint now = Shard::current().now();
  for (const std::string& key : lone->sessions())
    affinity_.settle(key, affinity_.find(key, now), lone->number(), now);
}

void Upstream::configure(const ServerConfig& config) {
  reshape([&] { configured_ = config; });
}

// Makes the set what configuration and names want after `note`, which is called under the lock. Whoever is
// new has been started when the set is seen.
void Upstream::reshape(const std::function<void()>& note) {
  std::vector<std::shared_ptr<Endpoint>> drained;
  keep_sessions();
  change([&](EndpointSet& set) {
    if (retired()) return;
    note();
    const std::vector<Wanted> wanted = wanted_now();
    // One without weight is nowhere to go.
    const auto places = static_cast<std::size_t>(
        std::count_if(wanted.begin(), wanted.end(), [](const Wanted& one) { return one.weight != 0; }));
    const bool alone = places <= 1;
    quota_.set(places, configured_.outlier_detection.max_ejected);
    std::vector<std::shared_ptr<Endpoint>> fresh;
    std::vector<SetMember> members;
    for (const Wanted& one : wanted) {
      SetMember member;
      member.weight = one.weight;
      member.priority = one.priority;
      // The same address by another name, or with other credentials, is another endpoint.
      for (const SetMember& old : set.members)
        if (!old.draining && old.endpoint->address() == one.address &&
            old.endpoint->config().url == one.config.url)
          member.endpoint = old.endpoint;
      if (!member.endpoint) {
        member.endpoint = make_endpoint(one, alone);
        fresh.push_back(member.endpoint);
      }
      member.endpoint->set_place(alone, one.weight != 0);
      members.push_back(std::move(member));
    }
    for (const SetMember& old : set.members) {
      const auto same = [&](const SetMember& member) { return member.endpoint == old.endpoint; };
      if (std::any_of(members.begin(), members.end(), same)) continue;
      if (!old.draining) drained.push_back(old.endpoint);
      members.push_back(old);
      members.back().draining = true;
    }
    set.members = std::move(members);
    set.balancing = configured_.load_balancing;
    if (!set.stack || !same_policies(stack_of_, configured_)) {
      set.stack = make_stack(configured_, *this, policies_);
      stack_of_ = configured_;
    }
    if (names_) note_names(set);
    if (!fresh.empty()) give_sessions(std::exchange(inherited_, {}), fresh);
    if (started_)
      for (const auto& endpoint : fresh) endpoint->start();
  });
  // Who was outvoted by one that goes may be right now.
  if (started_) compare_names(*set_.load());
  for (const auto& endpoint : drained) {
    endpoint->retire();
    if (options_.on_drained) options_.on_drained(shared_from_this(), endpoint);
  }
}

Task<std::size_t> Upstream::reset_breakers(std::string address) {
  std::size_t count = 0;
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) {
    if (!address.empty() && member.endpoint->address() != address) continue;
    ++count;
    co_await member.endpoint->reset_breaker();
  }
  co_return count;
}

void Upstream::forget(const Endpoint& endpoint) {
  change([&endpoint](EndpointSet& set) {
    std::erase_if(set.members, [&](const SetMember& member) { return member.endpoint.get() == &endpoint; });
  });
  std::lock_guard lock(lock_);
  misdirected_.erase(endpoint.number());
}

void Upstream::start() {
  started_ = true;
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) member.endpoint->start();
  if (names_) reshape([] {});  // which says what names are wanted
}

void Upstream::retire() {
  {
    std::lock_guard lock(lock_);
    retired_ = true;
  }
  if (names_) names_->want({});
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) member.endpoint->retire();
}

Task<void> Upstream::close(TimePoint deadline, bool patient) {
  const Duration patience = patient ? longest_call_ : Duration::zero();
  if (names_) co_await names_->close();
  const auto set = set_.load();
  Nursery all;
  for (const SetMember& member : set->members)
    if (!member.draining) all.start(member.endpoint->close(deadline, patience));
  co_await all.join();
}

void Upstream::hurry(TimePoint deadline) noexcept {
  const auto now = set_.load();  // held: the set may be replaced meanwhile
  for (const SetMember& member : now->members) member.endpoint->hurry(deadline);
}

}  // namespace weir
