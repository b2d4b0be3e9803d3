#include "sim/storm.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

Storm::Storm(std::uint64_t seed, Options options, std::unique_ptr<StormReport> report)
    : Stage(seed, 2 + seed % 2, report->tally.violations), options_(options), report_(std::move(report)) {
  for (const Place& place : places_) {
    ScriptedUpstream::Options server;
    server.name = place.name;
    server.address = place.address;
    server.old_era = draw(2) == 0;
    server.trouble = options_.trouble;
    server.timeout = kTimeout;
    servers_.push_back(std::make_unique<ScriptedUpstream>(world_, std::move(server)));
  }
}

Storm::~Storm() = default;

Task<void> Storm::one_client(ScriptedClient::Options options) {
  ScriptedClient client(world_, std::move(options), report_->tally);
  co_await client.run();
  --clients_left_;
}

// Servers go down and come back, and the configuration changes, as long as clients are there.
Task<void> Storm::change_things() {
  while (storming_) {
    co_await sleep(milliseconds(100 + draw(1500)));
    if (storming_) co_await change_one(4, milliseconds(400));
  }
}

Task<void> Storm::direct() {
  apply();
  Nursery changes;
  changes.start(change_things());
  if (options_.abrupt) {
    co_await sleep(milliseconds(300 + draw(3000)));
    storming_ = false;
    co_await changes.join();
    co_await close(true);
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  storming_ = false;
  co_await changes.join();
  for (const auto& server : servers_) server->calm();
  if (!options_.abrupt) {
    co_await wait_for_rest();
    co_await probe();
    co_await close(false);
  }
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

// With all clients gone nothing may be left but time.
Task<void> Storm::wait_for_rest() {
  const TimePoint until = world_.now() + seconds(20);
  while (in_flight() != 0 && world_.now() < until) co_await sleep(milliseconds(10));
  if (in_flight() != 0) blame(std::to_string(in_flight()) + " calls are in flight for ever");
  co_await sleep(seconds(90));  // a greeting that is never answered is waited for a minute
  if (world_.open_connections(gateway_address(), true) != 0) blame("connections of clients are left");
  if (connections() != 0) blame("a connection is served that is no more");
  co_await wait_for_quiet();
  judge_connections("with nobody to serve");
}

// Every server serves again.
Task<void> Storm::probe() {
  clients_left_ = 2;
  for (int i = 0; i < 2; ++i) {
    ScriptedClient::Options options;
    options.number = 100 + i;
    options.gateway = gateway_address();
    for (const Place& place : places_) options.servers.push_back(place.name);
    options.old_era = i == 0;
    options.calls = 6;
    options.wild = options.in_vain = false;
    options.timeout = kTimeout;
    world_.start(kClients, [this, options] { return one_client(options); });
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
}

void Storm::check_calls() {
  for (const auto& server : servers_) {
    for (const auto& [nonce, times] : server->seen())
      if (times != 1)
        blame(nonce + " reached " + server->options().name + " " + std::to_string(times) + " times");
    report_->calls_seen += server->seen().size();
    for (const auto& [act, times] : server->played()) report_->acts[act] += times;
    for (const std::string& violation : server->violations()) blame(violation);
  }
}

StormReport Storm::run() {
  for (const auto& server : servers_)
    world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
  begin([this] { return direct(); });
  clients_left_ = options_.clients;
  for (int i = 0; i < options_.clients; ++i) {
    ScriptedClient::Options client;
    client.number = i + 1;
    client.gateway = gateway_address();
    for (const Place& place : places_) client.servers.push_back(place.name);
    client.old_era = draw(2) == 0;
    client.calls = options_.calls;
    client.timeout = kTimeout;
    client.learn_time = kListTime;
    client.may_lose = options_.abrupt;
    world_.start(kClients, [this, client] { return one_client(client); });
  }
  if (run_world()) {
    check_calls();
    take_down();
    report_->ended = world_.now();
  }
  return std::move(*report_);
}

}  // namespace weir::sim
