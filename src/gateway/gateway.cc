#include "gateway/gateway.h"

#include <algorithm>

#include "gateway/lists.h"
#include "gateway/make_transport.h"
#include "runtime/hop.h"

namespace weir {

namespace {

// How long a call to this server may take that makes no progress.
Duration longest_call(const ServerConfig& server) {
  Duration longest = server.timeout.request;
  for (const auto& [name, tool] : server.tools)
    if (tool.timeout) longest = std::max<Duration>(longest, *tool.timeout);
  return longest;
}

std::shared_ptr<const Plan> empty_plan() {
  auto plan = std::make_shared<Plan>();
  plan->catalogue = std::make_shared<Published<Catalogue>>(std::make_shared<const Catalogue>());
  return plan;
}

}  // namespace

Gateway::Gateway(std::span<Shard* const> shards, std::size_t workers, Observer observer)
    : shards_(shards.begin(), shards.end()),
      workers_(workers),
      observer_(std::move(observer)),
      plan_(empty_plan()),
      sessions_(Sessions::Options()) {
  for (std::size_t i = 0; i < shards_.size(); ++i) seats_.push_back(std::make_unique<Seat>(plan_));
}

Gateway::~Gateway() = default;

std::shared_ptr<Upstream> Gateway::make_upstream(const ServerConfig& server, const LimitsConfig& limits,
                                                 std::size_t place) {
  Upstream::Options options;
  options.homed = server.type == ServerConfig::Type::stdio;
  options.on_change = [this](const Upstream& upstream) {
    if (observer_.server_changed) observer_.server_changed(upstream);
    if (upstream.status()->state == ServerState::ready) start_detached(learn(upstream.name()));
  };
  return std::make_shared<Upstream>(server, std::move(options),
                                    transport_factory(server, limits, observer_.child_wrote), shards_,
                                    place % workers_);
}

ApplyReport Gateway::apply(const Config& config) {
  ApplyReport report;
  const std::shared_ptr<const Plan> old = plan_.load();
  auto next = std::make_shared<Plan>();
  next->config = config;
  next->names = name_rules(config);
  next->catalogue_lock = &catalogue_lock_;
  std::vector<std::shared_ptr<Upstream>> fresh;
  std::vector<std::string> names;
  std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen;
  const bool same_limits = old->config.limits == config.limits;
  const auto known = old->catalogue ? old->catalogue->load() : nullptr;
  for (const ServerConfig& server : config.servers) {
    if (server.disabled) continue;
    const std::size_t before = old->find(server.name);
    names.push_back(server.name);
    seen.emplace_back();
    if (before != Plan::kAll && same_limits && old->servers[before]->config() == server) {
      next->servers.push_back(old->servers[before]);
      for (std::size_t k = 0; k < kListKinds; ++k)
        seen.back()[k] = known->seen(static_cast<ListKind>(k), before);
      ++report.kept;
      continue;
    }
    next->servers.push_back(make_upstream(server, config.limits, next->servers.size()));
    fresh.push_back(next->servers.back());
    ++report.added;
  }
  next->catalogue = std::make_shared<Published<Catalogue>>(
      std::make_shared<const Catalogue>(next->names, std::move(names), std::move(seen)));
  plan_.publish(next);
  for (const auto& upstream : fresh) upstream->start();
  for (const auto& upstream : old->servers) {
    bool stays = false;
    for (const auto& other : next->servers) stays = stays || other == upstream;
    if (stays) continue;
    ++report.removed;
    struct Retire {
      static Task<void> run(std::shared_ptr<Upstream> gone, TimePoint deadline) {
        co_await gone->close(deadline);
      }
    };
    closing_.start(Retire::run(upstream, Shard::current().now() + longest_call(upstream->config())));
  }
  return report;
}

// What a server offers, as soon as it is known: names resolve before any client has listed.
Task<void> Gateway::learn(std::string name) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t server = plan->find(name);
  if (server == Plan::kAll) co_return;
  const auto peer = plan->servers[server]->status()->peer;
  CancelScope never;
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const auto kind = static_cast<ListKind>(k);
    if (!peer || !peer->facts.has(list_capability(kind))) continue;
    const TimePoint deadline = Shard::current().now() + plan->servers[server]->config().timeout.startup;
    const auto pages = co_await fetch_list(*plan, server, kind, nullptr, deadline, never);
    (void)pages.has_value();  // a list that fails now is asked for again by whoever needs it
  }
  const int tools = plan->catalogue->load()->count(ListKind::tools, server);
  if (observer_.server_learned) observer_.server_learned(*plan->servers[server], tools);
}

Task<void> Gateway::close(TimePoint deadline) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  Nursery all;
  for (const auto& upstream : plan->servers) all.start(upstream->close(deadline));
  co_await all.join();
  co_await closing_.join();
}

std::string Gateway::key_of(std::string_view session, std::string_view raw_id) {
  std::string key(session);
  key += '\n';
  key += raw_id;
  return key;
}

Gateway::Cancellable::Cancellable(Gateway& gateway, std::string_view session, std::string_view raw_id,
                                  CancelScope& scope)
    : calls_(gateway.seats_[Shard::current().index()]->calls),
      place_(calls_.emplace(key_of(session, raw_id), &scope)) {}

Gateway::Cancellable::~Cancellable() { calls_.erase(place_); }

void Gateway::cancel(std::string_view session, std::string_view raw_id) {
  const std::string key = key_of(session, raw_id);
  for (std::size_t i = 0; i < shards_.size(); ++i)
    shards_[i]->post([this, i, key] {
      const auto [from, to] = seats_[i]->calls.equal_range(key);
      std::vector<CancelScope*> scopes;
      for (auto at = from; at != to; ++at) scopes.push_back(at->second);
      for (CancelScope* scope : scopes) scope->cancel();
    });
}

}  // namespace weir
