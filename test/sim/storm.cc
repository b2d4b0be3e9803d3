#include "sim/storm.h"

#include <algorithm>

#include "http/pool.h"
#include "http/server.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kGateway("10.0.0.1", 80);
constexpr milliseconds kTimeout(2000);
constexpr milliseconds kListTime(1000);

}  // namespace

/// Where one shard takes clients.
struct Storm::Door {
  Door(Gateway& gateway, FrontObserver& observer) : entry(gateway, HttpEntry::Options(), observer) {}
  HttpEntry entry;
  HttpServerLimits limits;
  CancelScope stop;
  Nursery connections;
};

Storm::Storm(std::uint64_t seed, Options options) : options_(options), world_(kShards, seed) {
  static constexpr std::size_t kSlices[] = {65536, 700, 60};
  world_.weather().slice_max = kSlices[draw(3)];
  world_.weather().window = draw(2) == 0 ? 262144 : 5000;
  world_.weather().delay_max = milliseconds(draw(3) * 3);
  const std::size_t count = 2 + draw(2);
  static constexpr const char* kNames[] = {"alpha", "beta", "gamma"};
  for (std::size_t i = 0; i < count; ++i) {
    ScriptedUpstream::Options server;
    server.name = kNames[i];
    server.address = SocketAddress("10.0.1." + std::to_string(i + 1), 8080);
    server.old_era = draw(2) == 0;
    server.trouble = options_.trouble;
    server.timeout = kTimeout;
    servers_.push_back(std::make_unique<ScriptedUpstream>(world_, std::move(server)));
  }
  for (std::size_t i = 0; i <= kControl; ++i) shards_.push_back(&world_.shard(i));
  gateway_ = std::make_unique<Gateway>(shards_, kWorkers, Gateway::Observer());
  for (std::size_t i = 0; i < kWorkers; ++i) doors_.push_back(std::make_unique<Door>(*gateway_, *this));
}

Storm::~Storm() = default;

void Storm::finished(const RequestRecord&) { ++report_.requests; }

Task<void> Storm::sleep(Duration time) { (void)co_await Sleep(world_.now() + time, nullptr); }

Config Storm::config() {
  Config config;
  config.timeout.request = kTimeout;
  config.timeout.connect = milliseconds(500);
  config.timeout.list = kListTime;
  config.timeout.startup = kTimeout;
  for (const auto& server : servers_) {
    ServerConfig one;
    one.name = server->options().name;
    one.url = "http://" + server->options().address.host + ":8080/mcp";
    one.timeout = config.timeout;
    config.servers.push_back(std::move(one));
  }
  if (header_ != 0) config.servers[0].headers.emplace_back("X-Change", std::to_string(header_));
  return config;
}

Task<void> Storm::let_in(Door& door) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kGateway, true);
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(door.stop);
    if (!stream) break;
    door.connections.start(serve_http(std::move(*stream), door.entry, door.limits, door.stop));
  }
  listener->reset();
  co_await door.connections.join();
}

Task<void> Storm::one_client(ScriptedClient::Options options) {
  ScriptedClient client(world_, std::move(options), report_.tally);
  co_await client.run();
  --clients_left_;
}

// Servers go down and come back, and the configuration changes, as long as clients are there.
Task<void> Storm::change_things() {
  while (storming_) {
    co_await sleep(milliseconds(100 + draw(1500)));
    if (!storming_) break;
    if (draw(4) == 0) {
      ++header_;
      gateway_->apply(config());
      for (const auto& upstream : gateway_->plan_now()->servers) upstreams_.emplace_back(upstream);
      continue;
    }
    const SocketAddress& address = servers_[draw(servers_.size())]->options().address;
    world_.set_down(address, true);
    co_await sleep(milliseconds(draw(400)));
    world_.set_down(address, false);
  }
}

Task<void> Storm::direct() {
  gateway_->apply(config());
  for (const auto& upstream : gateway_->plan_now()->servers) upstreams_.emplace_back(upstream);
  Nursery changes;
  changes.start(change_things());
  if (options_.abrupt) {
    co_await sleep(milliseconds(300 + draw(3000)));
    storming_ = false;
    co_await changes.join();
    co_await close();
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  storming_ = false;
  co_await changes.join();
  for (const auto& server : servers_) server->calm();
  if (!options_.abrupt) {
    co_await wait_for_rest();
    co_await probe();
    co_await close();
  }
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

// With all clients gone nothing may be left but time.
Task<void> Storm::wait_for_rest() {
  const auto busy = [this] {
    std::uint32_t calls = 0;
    for (const auto& weak : upstreams_)
      if (const auto upstream = weak.lock()) calls += upstream->in_flight();
    return calls;
  };
  const TimePoint until = world_.now() + seconds(20);
  while (busy() != 0 && world_.now() < until) co_await sleep(milliseconds(10));
  if (busy() != 0) blame(std::to_string(busy()) + " calls are in flight for ever");
  co_await sleep(seconds(90));  // a greeting that is never answered is waited for a minute
  if (world_.open_connections(kGateway, true) != 0) blame("connections of clients are left");
  for (const auto& door : doors_)
    if (door->connections.running() != 0) blame("a connection is served that is no more");
  for (const auto& server : servers_)
    if (world_.open_connections(server->options().address) != 0)
      blame("connections to " + server->options().name + " rest for ever");
  if (open_upstream_connections() != 0) blame("connections to servers are counted that are no more");
}

// Every server serves again.
Task<void> Storm::probe() {
  clients_left_ = 2;
  for (int i = 0; i < 2; ++i) {
    ScriptedClient::Options options;
    options.number = 100 + i;
    options.gateway = kGateway;
    for (const auto& server : servers_) options.servers.push_back(server->options().name);
    options.old_era = i == 0;
    options.calls = 6;
    options.wild = options.in_vain = false;
    options.timeout = kTimeout;
    world_.start(kClients, [this, options] { return one_client(options); });
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
}

// As a process ends: clients first, then the servers.
Task<void> Storm::close() {
  for (std::size_t i = 0; i < kWorkers; ++i)
    shards_[i]->post([door = doors_[i].get()] { door->stop.cancel(); });
  const TimePoint deadline = world_.now() + milliseconds(options_.abrupt ? draw(3000) : 3000);
  const auto connections = [this] {
    std::size_t count = 0;
    for (const auto& door : doors_) count += door->connections.running();
    return count;
  };
  while (connections() != 0 && world_.now() < deadline) co_await sleep(milliseconds(5));
  co_await gateway_->close(std::max(deadline, world_.now() + milliseconds(100)));
  co_await sleep(milliseconds(100));
  for (const auto& server : servers_)
    if (world_.open_connections(server->options().address) != 0)
      blame("connections to " + server->options().name + " are left after the end");
  if (open_upstream_connections() != 0) blame("connections to servers are counted after the end");
}

void Storm::check_calls() {
  for (const auto& server : servers_) {
    for (const auto& [nonce, times] : server->seen())
      if (times != 1)
        blame(nonce + " reached " + server->options().name + " " + std::to_string(times) + " times");
    report_.calls_seen += server->seen().size();
    for (const auto& [act, times] : server->played()) report_.acts[act] += times;
    for (const std::string& violation : server->violations()) blame(violation);
  }
}

StormReport Storm::run() {
  for (const auto& server : servers_)
    world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
  for (std::size_t i = 0; i < kWorkers; ++i) world_.start(i, [this, i] { return let_in(*doors_[i]); });
  world_.start(kControl, [this] { return direct(); });
  clients_left_ = options_.clients;
  for (int i = 0; i < options_.clients; ++i) {
    ScriptedClient::Options client;
    client.number = i + 1;
    client.gateway = kGateway;
    for (const auto& server : servers_) client.servers.push_back(server->options().name);
    client.old_era = draw(2) == 0;
    client.calls = options_.calls;
    client.timeout = kTimeout;
    client.learn_time = kListTime;
    client.may_lose = options_.abrupt;
    world_.start(kClients, [this, client] { return one_client(client); });
  }
  if (!world_.run(100'000'000)) {
    blame("the simulation hangs");
    return report_;
  }
  check_calls();
  doors_.clear();
  gateway_.reset();
  if (!world_.settle()) blame("something goes on for ever");
  for (const auto& weak : upstreams_)
    if (!weak.expired()) blame("a server is held by a fiber that has not ended");
  report_.ended = world_.now();
  return report_;
}

}  // namespace weir::sim
