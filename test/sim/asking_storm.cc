#include "sim/asking_storm.h"

#include "runtime/hop.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kInputTime(1500);

}  // namespace

AskingStorm::AskingStorm(std::uint64_t seed, bool abrupt, std::unique_ptr<AskReport> report)
    : Stage(seed, 3, report->tally.violations), abrupt_(abrupt), report_(std::move(report)) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    AskingUpstream::Options server;
    server.name = places_[i].name;
    server.address = places_[i].address;
    server.old_era = i == 0 || (i == 1 && draw(2) == 0);
    servers_.push_back(std::make_unique<AskingUpstream>(world_, std::move(server)));
  }
}

AskingStorm::~AskingStorm() = default;

Config AskingStorm::config() {
  Config config = Stage::config();
  config.timeout.input = kInputTime;
  return config;
}

Task<void> AskingStorm::one_client(AskingClient::Options options) {
  AskingClient client(world_, std::move(options), report_->tally);
  co_await client.run();
  --clients_left_;
}

Task<void> AskingStorm::change_things() {
  while (storming_) {
    co_await sleep(milliseconds(300 + draw(2500)));
    if (storming_) co_await change_one(3, milliseconds(200));
  }
}

Task<std::size_t> AskingStorm::parked(Shard& shard) {
  CancelScope never;
  std::function<Task<std::size_t>(CancelScope&)> work = [this](CancelScope&) -> Task<std::size_t> {
    co_return gateway_->parked().size();
  };
  co_return co_await on_shard<std::size_t>(shard, never, std::move(work));
}

Task<void> AskingStorm::direct() {
  apply();
  Nursery changes;
  changes.start(change_things());
  if (abrupt_) {
    co_await sleep(milliseconds(300 + draw(3000)));
    storming_ = false;
    co_await changes.join();
    co_await close(true);
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  storming_ = false;
  co_await changes.join();
  if (!abrupt_) {
    co_await wait_for_rest();
    co_await close(false);
  }
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

// With all clients gone and the time for answers over, nothing may be left.
Task<void> AskingStorm::wait_for_rest() {
  co_await sleep(seconds(90));
  if (in_flight() != 0) blame(std::to_string(in_flight()) + " calls are in flight for ever");
  for (Shard* shard : shards_) {
    const std::size_t waiting = co_await parked(*shard);
    if (waiting != 0) blame(std::to_string(waiting) + " calls are parked for ever");
  }
  if (gateway_->events().listening() != 0) blame("listeners are left");
  if (world_.open_connections(gateway_address(), true) != 0) blame("connections of clients are left");
  co_await wait_for_quiet();
  judge_connections("with nobody to serve");
}

AskReport AskingStorm::run() {
  for (const auto& server : servers_)
    world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
  begin([this] { return direct(); });
  clients_left_ = 6;
  for (int i = 0; i < 6; ++i) {
    AskingClient::Options client;
    client.number = i + 1;
    client.gateway = gateway_address();
    for (const Place& place : places_) client.servers.push_back(place.name);
    client.old_era = i % 2 == 0;
    client.may_lose = abrupt_;
    client.patience = seconds(20);
    world_.start(kClients, [this, client] { return one_client(client); });
  }
  if (run_world()) {
    for (const auto& server : servers_) {
      report_->questions += server->questions();
      report_->answers += server->answers();
      for (const std::string& violation : server->violations()) blame(violation);
    }
    take_down();
  }
  return std::move(*report_);
}

}  // namespace weir::sim
