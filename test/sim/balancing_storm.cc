#include "sim/balancing_storm.h"

#include <algorithm>

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Strategy = LoadBalancingConfig::Strategy;
using HashKey = LoadBalancingConfig::HashKey;

constexpr const char* kStrategies[] = {"round_robin",     "weighted_round_robin", "least_connections",
                                       "consistent_hash", "adaptive_latency",     "random"};
constexpr const char* kIllnesses[] = {"well", "hangs", "resets", "busy", "garbage"};

constexpr std::size_t kMostSteps = 4'000'000;  // tens of times what it takes

// "nonce-3-17" is of client 3.
std::string client_of(const std::string& nonce) { return nonce.substr(0, nonce.rfind('-')); }

}  // namespace

BalancingStorm::BalancingStorm(std::uint64_t seed, std::unique_ptr<BalancingReport> report)
    : Stage(seed, 1 + seed % 2, report->tally.violations),
      report_(std::move(report)),
      judge_(world_, report_->tally.violations) {
  static constexpr unsigned kTroubles[] = {0, 3, 10};
  trouble_ = kTroubles[draw(3)];
  const std::vector<Place> servers = std::exchange(places_, {});
  for (std::size_t i = 0; i < servers.size(); ++i) {
    shapes_.emplace_back();
    shapes_.back().name = servers[i].name;
    add_server(i);
  }
}

BalancingStorm::~BalancingStorm() = default;

void BalancingStorm::add_server(std::size_t place) {
  Shape& shape = shapes_[place];
  shape.old_era = draw(2) == 0;
  for (std::size_t i = 0; i < kSpots; ++i) {
    ScriptedUpstream::Options options;
    options.name = shape.name;
    options.address = SocketAddress("10.0." + std::to_string(place + 1) + "." + std::to_string(i + 1), 8080);
    options.old_era = shape.old_era;
    options.trouble = trouble_;
    options.timeout = kTimeout;
    const std::size_t number = scripts_.size();
    // Who was forgotten and is turned away then may go elsewhere.
    options.turned_away = [this, url = url_of(options.address)] {
      TimePoint& until = ill_until_.try_emplace(url, TimePoint::min()).first->second;
      until = std::max(until, world_.now());
    };
    options.arrived = [this, number](const std::string& nonce) { arrived(nonce, *scripts_[number]); };
    places_.push_back({shape.name, options.address});
    scripts_.push_back(std::make_unique<ScriptedUpstream>(world_, std::move(options)));
  }
  if (draw(3) == 0) shape.checks.interval = milliseconds(300 + draw(1500));
  if (draw(4) == 0) shape.outliers.base_ejection_time = milliseconds(100 + draw(2000));
  if (draw(4) == 0) shape.outliers.consecutive_failures = 1 + draw(3);
  draw_balancing(shape);
  draw_endpoints(shape);
}

void BalancingStorm::draw_balancing(Shape& shape) {
  static constexpr double kThresholds[] = {0.5, 0.5, 0.3, 1.0, 0.0};
  LoadBalancingConfig& balancing = shape.balancing;
  balancing.strategy = static_cast<Strategy>(draw(std::size(kStrategies)));
  balancing.hash_key = static_cast<HashKey>(draw(4));
  balancing.virtual_nodes = 20;
  balancing.panic_threshold = kThresholds[draw(std::size(kThresholds))];
  balancing.slow_start = milliseconds(draw(2) == 0 ? 0 : 2000);
  ++report_->did[kStrategies[static_cast<std::size_t>(balancing.strategy)]];
}

// One that gets no new calls is among them now and then, but never alone.
void BalancingStorm::draw_endpoints(Shape& shape) {
  shape.endpoints.clear();
  const std::size_t count = draw(10) == 0 ? 1 : 2 + draw(kSpots - 1);
  std::vector<std::string> urls;
  for (const Place& place : places_)
    if (place.name == shape.name) urls.push_back(url_of(place.address));
  while (urls.size() > count) urls.erase(urls.begin() + static_cast<std::ptrdiff_t>(draw(urls.size())));
  const bool backups = draw(3) == 0;
  for (const std::string& url : urls) {
    EndpointConfig one;
    one.url = url;
    one.weight = shape.endpoints.empty() ? 1 + draw(3) : draw(4);
    one.priority = backups ? draw(2) : 0;
    shape.endpoints.push_back(std::move(one));
  }
}

std::string BalancingStorm::url_of(const SocketAddress& address) const {
  return "http://" + address.host + ":8080/mcp";
}

Config BalancingStorm::config() {
  Config config;
  config.timeout.request = kTimeout;
  config.timeout.connect = milliseconds(500);
  config.timeout.list = kListTime;
  config.timeout.startup = kTimeout;
  for (const Shape& shape : shapes_) {
    ServerConfig one;
    one.name = shape.name;
    one.endpoints = shape.endpoints;
    one.load_balancing = shape.balancing;
    one.outlier_detection = shape.outliers;
    one.health_check = shape.checks;
    if (shape.anew != 0) one.headers.emplace_back("X-Change", std::to_string(shape.anew));
    config.servers.push_back(std::move(one));
  }
  return config;
}

void BalancingStorm::reload() {
  apply();
  const auto plan = gateway_->plan_now();
  judge_.follow(plan->servers);
  judge_.look();
  for (const auto& server : plan->servers)
    for (const SetMember& member : server->endpoints()->members) endpoints_.emplace_back(member.endpoint);
}

void BalancingStorm::change_shape(Shape& shape) {
  switch (draw(8)) {
    case 0:
      ++report_->did["(another server)"];
      ++shape.anew;
      break;
    case 1:
    case 2:
      draw_balancing(shape);
      break;
    case 3:
      ++report_->did["(weighed anew)"];
      for (EndpointConfig& one : shape.endpoints) one.weight = 1 + draw(4);
      break;
    default:
      ++report_->did["(other endpoints)"];
      draw_endpoints(shape);
      break;
  }
}

Task<void> BalancingStorm::reload_often() {
  while (storming_) {
    co_await sleep(milliseconds(200 + draw(3000)));
    if (!storming_) break;
    change_shape(shapes_[draw(shapes_.size())]);
    reload();
  }
}

void BalancingStorm::strike(ScriptedUpstream& endpoint) {
  ill_until_[url_of(endpoint.options().address)] = kForever;
  const bool calls_only = draw(3) == 0;
  if (draw(3) == 0) {
    ++report_->did["(refuses)"];
    world_.set_down(endpoint.options().address, true);
    if (draw(2) == 0) endpoint.forget_sessions();
    return;
  }
  const std::size_t illness = 1 + draw(std::size(kIllnesses) - 1);
  ++report_->did[std::string("(") + kIllnesses[illness] + (calls_only ? " on calls)" : ")")];
  endpoint.fall_ill(static_cast<ScriptedUpstream::Illness>(illness), calls_only);
}

void BalancingStorm::heal(ScriptedUpstream& endpoint) {
  ill_until_[url_of(endpoint.options().address)] = world_.now();
  world_.set_down(endpoint.options().address, false);
  endpoint.fall_ill(ScriptedUpstream::Illness::none, false);
}

// Each is ill for up to some seconds; now and then all of a server are.
Task<void> BalancingStorm::spread_illness() {
  std::map<std::size_t, TimePoint> ill;
  while (storming_) {
    co_await sleep(milliseconds(50 + draw(700)));
    if (!storming_) break;
    for (auto one = ill.begin(); one != ill.end();) {
      const bool over = one->second <= world_.now();
      if (over) heal(*scripts_[one->first]);
      one = over ? ill.erase(one) : std::next(one);
    }
    const std::size_t first = draw(scripts_.size());
    const std::size_t count = draw(12) == 0 ? kSpots : 1;
    for (std::size_t i = first; i < std::min(first + count, scripts_.size()); ++i) {
      if (ill.contains(i)) continue;
      strike(*scripts_[i]);
      ill[i] = world_.now() + milliseconds(draw(4000));
    }
  }
}

Task<void> BalancingStorm::one_client(ScriptedClient::Options options) {
  ScriptedClient client(world_, std::move(options), report_->tally);
  co_await client.run();
  --clients_left_;
}

ScriptedClient::Options BalancingStorm::client_options(int number, bool old_era, int calls) {
  ScriptedClient::Options client;
  client.number = number;
  client.gateway = gateway_address();
  for (const Shape& shape : shapes_) client.servers.push_back(shape.name);
  client.old_era = old_era;
  client.calls = calls;
  client.timeout = kTimeout;
  client.learn_time = kListTime;
  client.asking = [this, old_era](const std::string& nonce, const std::string& server) {
    asking(nonce, server, old_era);
  };
  return client;
}

Task<void> BalancingStorm::direct() {
  reload();
  Nursery changes;
  changes.start(reload_often());
  changes.start(spread_illness());
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  storming_ = false;
  co_await changes.join();
  for (const auto& script : scripts_) {
    // What still hangs there is cut: the opening of a session is waited for up to a minute else.
    world_.set_down(script->options().address, true);
    heal(*script);
    script->calm();
  }
  co_await recover();
  co_await probe();
  co_await close(false);
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

bool BalancingStorm::all_healthy() const {
  for (const auto& server : gateway_->plan_now()->servers)
    for (const SetMember& member : server->endpoints()->members)
      if (member.draining || member.endpoint->status()->health != Health::healthy) return false;
  return true;
}

// With all clients gone and all servers well nothing is left of the storm before long.
Task<void> BalancingStorm::recover() {
  // A lone endpoint that hung when it was asked who it is is asked again after a minute.
  const bool lone = std::any_of(shapes_.begin(), shapes_.end(),
                                [](const Shape& shape) { return shape.endpoints.size() == 1; });
  const TimePoint begun = world_.now();
  const Duration most = seconds(lone ? 65 : 30);
  while ((!all_healthy() || in_flight() != 0 || connections() != 0) && world_.now() < begun + most)
    co_await sleep(milliseconds(50));
  if (!lone) report_->recovery = world_.now() - begun;
  if (!all_healthy()) blame("not all are healthy for long after they are well again");
  for (const auto& server : gateway_->plan_now()->servers)
    for (const SetMember& member : server->endpoints()->members) {
      if (all_healthy()) continue;
      const auto status = member.endpoint->status();
      blame(member.endpoint->address() + (member.draining ? " drains" : " is") + ' ' +
            std::string(to_string(status->state)) + ", " + std::string(to_string(status->health)) + ": " +
            status->reason);
    }
  if (in_flight() != 0) blame(std::to_string(in_flight()) + " calls are in flight for ever");
  for (const auto& weak : endpoints_)
    if (const auto endpoint = weak.lock()) {
      if (endpoint->in_flight() != 0) blame(endpoint->address() + " has calls in flight for ever");
      if (endpoint->health().breaker().word().permits != 0)
        blame(endpoint->address() + " misses permits of its circuit breaker");
    }
  if (world_.open_connections(gateway_address(), true) != 0 || connections() != 0)
    blame("connections of clients are left");
}

// Every server serves again, whichever endpoint is asked.
Task<void> BalancingStorm::probe() {
  clients_left_ = 2;
  for (int i = 0; i < 2; ++i) {
    ScriptedClient::Options options = client_options(100 + i, i == 0, 6);
    options.wild = options.in_vain = false;
    world_.start(kClients, [this, options] { return one_client(options); });
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
}

void BalancingStorm::asking(const std::string& nonce, const std::string& server, bool old_client) {
  Asked& asked = asked_[nonce];
  asked.server = server;
  asked.at = world_.now();
  if (!old_client) asked.at = kForever;
}

void BalancingStorm::arrived(const std::string& nonce, const ScriptedUpstream& endpoint) {
  const auto found = asked_.find(nonce);
  if (found == asked_.end()) return blame(nonce + " was never asked");
  Asked& asked = found->second;
  if (asked.server != endpoint.options().name)
    blame(nonce + " is for " + asked.server + " and reached " + endpoint.options().name);
  if (!asked.url.empty()) blame(nonce + " reached an endpoint twice");
  asked.url = url_of(endpoint.options().address);
  if (endpoint.options().old_era && asked.at != kForever) judge_session(nonce, asked);
}

// A session's calls stay together as long as they can.
void BalancingStorm::judge_session(const std::string& nonce, const Asked& asked) {
  std::string& last = last_call_[{client_of(nonce), asked.server}];
  if (!last.empty()) {
    const Asked& before = asked_[last];
    // Where nothing could be sent a call goes elsewhere, and its session with it.
    const auto ill = ill_until_.find(before.url);
    const bool was_ill = ill != ill_until_.end() && ill->second >= before.at;
    const bool must_stay = !was_ill && judge_.usable_since(asked.server, before.url, before.at);
    if (must_stay) ++report_->stayed;
    if (must_stay && before.url != asked.url)
      blame(nonce + " reached " + asked.url + ", but " + last + " had reached " + before.url);
  }
  last = nonce;
}

void BalancingStorm::check_calls() {
  for (const auto& script : scripts_) {
    report_->calls_seen += script->seen().size();
    for (const std::string& violation : script->violations()) blame(violation);
  }
}

BalancingReport BalancingStorm::run() {
  world_.watch([this] { judge_.look(); });
  for (const auto& script : scripts_)
    world_.start(kServers, [this, &script] { return script->serve(servers_stop_); });
  begin([this] { return direct(); });
  clients_left_ = 6;
  for (int i = 0; i < 6; ++i) {
    const ScriptedClient::Options client = client_options(i + 1, i % 2 == 0, 20);
    world_.start(kClients, [this, client] { return one_client(client); });
  }
  if (run_world(kMostSteps)) {
    check_calls();
    judge_.follow({});
    take_down();
    for (const auto& weak : endpoints_)
      if (!weak.expired()) blame("an endpoint is held by a fiber that has not ended");
    report_->sights = judge_.sights();
    report_->ended = world_.now();
  }
  return std::move(*report_);
}

}  // namespace weir::sim
