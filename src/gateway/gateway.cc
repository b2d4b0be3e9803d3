#include "gateway/gateway.h"

#include <algorithm>

#include "gateway/lists.h"
#include "gateway/make_transport.h"
#include "gateway/upstream_stack.h"
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

constexpr Duration kHouseTime = std::chrono::seconds(5);

// Whether what runs for `a` serves for `b`: timeouts of calls belong to the plan.
bool same_server(const ServerConfig& a, ServerConfig b) {
  b.tools = a.tools;
  b.timeout.request = a.timeout.request;
  b.timeout.list = a.timeout.list;
  b.timeout.startup = a.timeout.startup;
  b.timeout.input = a.timeout.input;
  // What an upstream takes over while it runs.
  b.url = a.url;
  b.endpoints = a.endpoints;
  b.replicas = a.replicas;
  b.load_balancing = a.load_balancing;
  b.retry = a.retry;
  b.hedge = a.hedge;
  b.bulkhead = a.bulkhead;
  b.may_shed = a.may_shed;
  // What the plan says.
  b.trust_annotations = a.trust_annotations;
  b.fallback = a.fallback;
  b.pin = a.pin;
  return a == b;
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
      sessions_(Sessions::Options()),
      parked_(shards_, states_),
      interests_([this](const std::string& server, const std::string& link, Interests::Change change) {
        wishes_changed(server, link, change);
      }),
      events_(event_options()),
      degradation_(observer_.degradation_changed),
      memories_(observer_.not_remembered),
      pins_(pins_told()) {
  for (std::size_t i = 0; i < shards_.size(); ++i) seats_.push_back(std::make_unique<Seat>(plan_));
}

Gateway::~Gateway() = default;

std::shared_ptr<Upstream> Gateway::make_upstream(const ServerConfig& server, const LimitsConfig& limits,
                                                 std::size_t place) {
  Upstream::Options options;
  options.workers = workers_;
  options.first_home = place;
  options.limits = limits;
  options.child_wrote = observer_.child_wrote;
  options.on_change = [this](const Upstream& upstream, bool anew) {
    if (observer_.server_changed) observer_.server_changed(upstream);
    const std::shared_ptr<const Plan> plan = plan_.load();
    degradation_.look(*plan);
    if (upstream.retired() || !anew) return;  // who took its place tells of itself
    // It may be another program by now: calls wait for a look at it.
    if (const std::size_t own = plan->find(upstream.name()); own != Plan::kAll && plan->pins[own])
      plan->pins[own]->set_stale();
    if (upstream.status()->state == ServerState::ready)
      start_detached(learn(upstream.name()));
    else
      events_.all_lists_changed(upstream);
  };
  options.on_endpoint_change = [this](const Upstream& upstream, const Endpoint& endpoint) {
    endpoint_changed(upstream, endpoint);
  };
  options.on_breaker = observer_.breaker_changed;
  options.on_name = observer_.name_changed;
  options.on_event = [this](const Upstream& upstream, const std::string& key, Message message,
                            std::shared_ptr<ServerLink> asker) {
    events_.from_server(upstream, key, std::move(message), std::move(asker));
  };
  options.on_drained = [this](std::shared_ptr<Upstream> upstream, std::shared_ptr<Endpoint> endpoint) {
    shards_.back()->post([this, upstream = std::move(upstream), endpoint = std::move(endpoint)] {
      closing_.start(close_drained(upstream, endpoint));
    });
  };
  options.task_endpoint = [this](const std::string& name, const std::string& task) {
    return tasks_.endpoint_of(name, task);
  };
  options.endpoint.interests = &interests_;
  options.endpoint.introduce = [this](const std::string& key) { return introduction_of(key); };
  options.endpoint.level = [this](const std::string& session) {
    const std::shared_ptr<Session> open = sessions_.peek(session);
    return open ? open->log_level() : std::string();
  };
  return std::make_shared<Upstream>(server, std::move(options), shards_);
}

// An endpoint that its server has no more: what was begun there goes on.
Task<void> Gateway::close_drained(std::shared_ptr<Upstream> upstream, std::shared_ptr<Endpoint> endpoint) {
  const Duration patience = upstream->longest_call();
  co_await endpoint->close(Shard::current().now() + patience, patience);
  upstream->forget(*endpoint);
}

ApplyReport Gateway::apply(const Config& config) {
  ApplyReport report;
  if (!std::exchange(begun_, true)) house_.start(keep_house());
  const std::shared_ptr<const Plan> old = plan_.load();
  auto next = std::make_shared<Plan>();
  next->config = config;
  next->names = name_rules(config);
  next->clients = Credentials(config.auth.bearer_tokens, Credentials::Basic::no);
  if (config.admin && !config.admin->token.empty())
    next->operators = Credentials({config.admin->token}, Credentials::Basic::yes);
  // Its address stays bound until a restart.
  if (!config.admin) next->operators = old->operators;
  next->catalogue_lock = &catalogue_lock_;
  next->interests = &interests_;
  next->tool_withheld = observer_.tool_withheld;
  std::vector<std::shared_ptr<Upstream>> fresh;
  std::vector<const ServerConfig*> reshaped;  // of servers that stay
  std::vector<std::string> names;
  std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen;
  std::vector<std::shared_ptr<const ToolTable>> tools;
  const bool same_limits = old->config.limits.message == config.limits.message;
  const auto known = old->catalogue ? old->catalogue->load() : nullptr;
  memories_.open(config.state_dir, Shard::current().wall_now());
  pins_.open(config.state_dir, Shard::current().wall_now());
  for (const ServerConfig& server : config.servers) {
    if (server.disabled) continue;
    const std::size_t before = old->find(server.name);
    names.push_back(server.name);
    seen.emplace_back();
    tools.emplace_back();
    next->last_good.push_back(memories_.of(server));
    next->pins.push_back(pins_.of(server));
    next->configured.push_back(static_cast<std::size_t>(&server - config.servers.data()));
    if (before != Plan::kAll && same_limits && same_server(old->servers[before]->config(), server)) {
      next->servers.push_back(old->servers[before]);
      reshaped.push_back(&server);
      for (std::size_t k = 0; k < kListKinds; ++k)
        seen.back()[k] = known->seen(static_cast<ListKind>(k), before);
      tools.back() = known->tool_table(before);
      ++report.kept;
      continue;
    }
    recall_names(*next->last_good.back(), seen.back(), tools.back());
    next->servers.push_back(make_upstream(server, config.limits, next->servers.size()));
    if (before != Plan::kAll) next->servers.back()->succeed(*old->servers[before]);
    fresh.push_back(next->servers.back());
    ++report.added;
  }
  memories_.retain(names);
  pins_.retain(names);
  next->catalogue = std::make_shared<Published<Catalogue>>(
      std::make_shared<const Catalogue>(next->names, std::move(names), std::move(seen), std::move(tools)));
  begin_tool_facts(*next);
  for (std::size_t i = 0; i < next->servers.size(); ++i)
    next->servers[i]->note_longest_call(longest_call(next->settings(i)));
  std::set<std::string> there;
  for (const auto& upstream : next->servers) there.insert(upstream->name());
  std::set<std::string> either = there;
  for (const auto& upstream : old->servers) either.insert(upstream->name());
  interests_.set_servers(std::move(either));
  plan_.publish(next);
  interests_.set_servers(std::move(there));
  degradation_.look(*next);
  for (const auto& upstream : fresh) upstream->start();
  for (const ServerConfig* server : reshaped) {
    const auto& before = old->settings(old->find(server->name));
    const bool same = before.endpoints == server->endpoints && before.url == server->url &&
                      before.replicas == server->replicas && same_policies(before, *server);
    if (!same) next->servers[next->find(server->name)]->configure(*server);
  }
  for (const ServerConfig* server : reshaped)
    if (old->settings(old->find(server->name)).pin != server->pin) start_detached(hold_anew(server->name));
  for (std::size_t i = 0; i < old->servers.size(); ++i) {
    const auto& upstream = old->servers[i];
    bool stays = false;
    for (const auto& other : next->servers) stays = stays || other == upstream;
    if (stays) continue;
    events_.all_lists_changed(*upstream);
    ++report.removed;
    retire(upstream);
  }
  return report;
}

// A server that the plan has no more: what was begun with it goes on, what waits for a client included.
void Gateway::retire(const std::shared_ptr<Upstream>& gone) {
  struct Close {
    static Task<void> run(std::shared_ptr<Upstream> upstream, TimePoint deadline) {
      co_await upstream->close(deadline, true);
    }
  };
  gone->retire();
  std::erase_if(retired_, [](const auto& one) { return one.expired(); });
  retired_.push_back(gone);
  closing_.start(Close::run(gone, Shard::current().now() + gone->longest_call()));
}

// As whom an old client is introduced to an old server.
std::optional<Introduced> Gateway::introduction_of(const std::string& id) const {
  const std::shared_ptr<Session> session = sessions_.peek(id);
  if (!session) return std::nullopt;
  Introduced out;
  out.identity = session->owner;
  out.as.revision = session->revision;
  out.as.capabilities = session->capabilities.empty() ? "{}" : session->capabilities;
  out.as.client_info = session->client_info;
  return out;
}

void Gateway::wishes_changed(const std::string& server, const std::string& link, Interests::Change change) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  if (const std::size_t place = plan->find(server); place != Plan::kAll)
    plan->servers[place]->wishes_changed(link, change);
}

// What a server offers, as soon as it is known: names resolve before any client has listed.
Task<void> Gateway::learn(std::string name) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t server = plan->find(name);
  if (server == Plan::kAll) co_return;
  const auto peer = plan->servers[server]->status()->peer;
  CancelScope never;
  if (peer) plan->last_good[server]->note(peer->facts, Shard::current().wall_now());
  for (std::size_t k = 0; k < kListKinds; ++k) {
    const auto kind = static_cast<ListKind>(k);
    if (!peer || !peer->facts.has(list_capability(kind))) continue;
    const TimePoint deadline = Shard::current().now() + plan->settings(server).timeout.startup;
    const auto pages = co_await fetch_list(*plan, server, kind, nullptr, deadline, never);
    (void)pages.has_value();  // a list that fails now is asked for again by whoever needs it
  }
  co_await look_everywhere(*plan, server);
  events_.all_lists_changed(*plan->servers[server]);
  const int tools = plan->catalogue->load()->count(ListKind::tools, server);
  if (observer_.server_learned) observer_.server_learned(*plan->servers[server], tools);
}

Events::Options Gateway::event_options() {
  Events::Options options;
  options.sessions = &sessions_;
  options.tasks = &tasks_;
  options.interests = &interests_;
  options.control = shards_.back();
  options.plan = [this] { return plan_.load(); };
  options.learn = [this](std::string server, ListKind kind) { return learn_list(std::move(server), kind); };
  return options;
}

// One list of one server anew: it has said that it changed.
Task<void> Gateway::learn_list(std::string name, ListKind kind) {
  const std::shared_ptr<const Plan> plan = plan_.load();
  const std::size_t server = plan->find(name);
  if (server == Plan::kAll) co_return;
  const TimePoint deadline = Shard::current().now() + plan->settings(server).timeout.list;
  const auto pages = co_await fetch_list(*plan, server, kind, nullptr, deadline, stop_);
  (void)pages.has_value();  // whoever needs it asks again
  if (kind == ListKind::tools) co_await look_everywhere(*plan, server);
}

void Gateway::forget(const Session& session) {
  cancel(session.id, {});
  ClientView client;
  client.session = session.id;
  tasks_.forget(Tasks::owner_of(client));
  const std::shared_ptr<const Plan> plan = plan_.load();
  for (const auto& server : plan->servers) server->end_client(session.id);
  interests_.forget(session.id);
}

Task<bool> Gateway::close_parked() {
  co_await parked_.close();
  co_return true;
}

// What grows old is let go now and then.
Task<void> Gateway::keep_house() {
  while (!stop_.cancelled()) {
    co_await Sleep(Shard::current().now() + kHouseTime, &stop_);
    for (const auto& ended : sessions_.sweep(Shard::current().now())) forget(*ended);
    tasks_.sweep(Shard::current().now());
    const std::shared_ptr<const Plan> plan = plan_.load();
    for (const auto& server : plan->servers) server->sweep();
    memories_.save(false);
    pins_.save();
  }
}

void Gateway::end_streams() {
  events_.end();
  sessions_.for_each([](const std::shared_ptr<Session>& session) { session->feed().end(); });
}

Task<void> Gateway::close(TimePoint deadline) {
  stop_.cancel();
  co_await house_.join();
  memories_.save(true);
  pins_.save();
  events_.end();
  co_await events_.close();
  CancelScope never;
  for (Shard* shard : shards_) {
    std::function<Task<bool>(CancelScope&)> work = [this](CancelScope&) { return close_parked(); };
    co_await on_shard<bool>(*shard, never, std::move(work));
  }
  const std::shared_ptr<const Plan> plan = plan_.load();
  Nursery all;
  for (const auto& upstream : plan->servers) {
    upstream->hurry(deadline);
    all.start(upstream->close(deadline));
  }
  for (const auto& gone : retired_)
    if (const std::shared_ptr<Upstream> upstream = gone.lock()) upstream->hurry(deadline);
  co_await all.join();
  // What a name lost meanwhile.
  for (const auto& upstream : plan->servers) upstream->hurry(deadline);
  co_await closing_.join();
}

Gateway::Cancellable::Cancellable(Gateway& gateway, std::string_view session, std::string_view raw_id,
                                  CancelScope& scope) noexcept
    : head_(gateway.seats_[Shard::current().index()]->calls), session_(session), id_(raw_id), scope_(&scope) {
  next_ = head_;
  if (next_ != nullptr) next_->previous_ = &next_;
  previous_ = &head_;
  head_ = this;
}

Gateway::Cancellable::~Cancellable() {
  *previous_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

// This shard's calls of a session; an empty id stands for all of them.
std::vector<CancelScope*> Gateway::calls_of(std::string_view session, std::string_view raw_id) {
  std::vector<CancelScope*> scopes;
  for (Cancellable* call = seats_[Shard::current().index()]->calls; call != nullptr; call = call->next_)
    if (call->session_ == session && (raw_id.empty() || call->id_ == raw_id)) scopes.push_back(call->scope_);
  return scopes;
}

void Gateway::cancel(std::string_view session, std::string_view raw_id) {
  for (Shard* shard : shards_)
    shard->post([this, owner = std::string(session), id = std::string(raw_id)] {
      for (CancelScope* scope : calls_of(owner, id)) scope->cancel();
    });
}

}  // namespace weir
