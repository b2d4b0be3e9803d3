#include "sim/listening_storm.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

ListeningStorm::ListeningStorm(std::uint64_t seed, bool abrupt, std::unique_ptr<HearReport> report)
    : Stage(seed, 2, report->tally.violations), abrupt_(abrupt), report_(std::move(report)) {
  std::vector<std::string> uris;
  std::vector<std::string> foreign;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    TellingUpstream::Options server;
    server.name = places_[i].name;
    server.address = places_[i].address;
    server.old_era = i == 0;
    servers_.push_back(std::make_unique<TellingUpstream>(world_, std::move(server)));
    for (int resource = 0; resource < TellingUpstream::kResources; ++resource)
      uris.push_back(servers_.back()->uri(resource));
    foreign.push_back(servers_.back()->uri(TellingUpstream::kResources));
  }
  for (int i = 0; i < 6; ++i) {
    ListeningClient::Options client;
    client.number = i + 1;
    client.gateway = gateway_address();
    client.uris = uris;
    client.foreign = foreign;
    client.old_era = i % 3 == 0;
    client.may_lose = abrupt_;
    clients_.push_back(std::make_unique<ListeningClient>(world_, std::move(client), report_->tally));
  }
}

ListeningStorm::~ListeningStorm() = default;

Task<void> ListeningStorm::one_client(ListeningClient& client) {
  co_await client.run();
  --clients_left_;
}

Task<void> ListeningStorm::change_things() {
  while (storming_) {
    co_await sleep(milliseconds(300 + draw(2500)));
    if (storming_) co_await change_one(3, milliseconds(300));
  }
}

Task<void> ListeningStorm::direct() {
  apply();
  Nursery changes;
  changes.start(change_things());
  co_await sleep(milliseconds(abrupt_ ? 300 + draw(5000) : 10'000));
  storming_ = false;
  co_await changes.join();
  if (!abrupt_) co_await calm_down();
  if (abrupt_) co_await close(true);
  world_.shard(kClients).post([this] {
    for (const auto& client : clients_) client->leave();
  });
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  if (!abrupt_) {
    co_await wait_for_rest();
    co_await close(false);
  }
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

// All is well again, for long enough: then each resource is updated once, and whoever was promised to hear
// does.
Task<void> ListeningStorm::calm_down() {
  world_.shard(kServers).post([this] {
    for (const auto& server : servers_) server->calm();
  });
  world_.shard(kClients).post([this] {
    for (const auto& client : clients_) client->settle();
  });
  co_await sleep(seconds(60));
  // What listens is carried over to the servers of another configuration, and no stream ends of it.
  const int cuts = report_->tally.cuts;
  co_await change_one(1, milliseconds(1));
  co_await sleep(seconds(60));
  if (report_->tally.cuts != cuts) blame("a reload has cut streams of listeners");
  std::vector<std::set<std::string>> promised;
  for (const auto& client : clients_) {
    promised.push_back(client->promised());
    client->forget_heard();
  }
  world_.shard(kServers).post([this] {
    for (const auto& server : servers_)
      for (int i = 0; i < TellingUpstream::kResources; ++i) server->update(i);
  });
  co_await sleep(seconds(5));
  for (std::size_t i = 0; i < clients_.size(); ++i)
    for (const std::string& one : promised[i]) {
      if (!one.starts_with("res://")) continue;
      ++report_->promises;
      if (!clients_[i]->heard().contains(one))
        blame("listener " + std::to_string(i + 1) + " was promised " + one + " and did not hear of it");
    }
}

Task<void> ListeningStorm::wait_for_rest() {
  co_await sleep(seconds(90));
  if (in_flight() != 0) blame(std::to_string(in_flight()) + " calls are in flight for ever");
  if (gateway_->events().listening() != 0) blame("listeners are left");
  if (world_.open_connections(gateway_address(), true) != 0) blame("connections of clients are left");
}

HearReport ListeningStorm::run() {
  for (const auto& server : servers_) {
    world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
    world_.start(kServers, [this, &server] { return server->tell(servers_stop_); });
  }
  begin([this] { return direct(); });
  clients_left_ = static_cast<int>(clients_.size());
  for (const auto& client : clients_) world_.start(kClients, [this, &client] { return one_client(*client); });
  if (run_world()) {
    for (const auto& server : servers_) {
      report_->told += server->told();
      for (const std::string& violation : server->violations()) blame(violation);
    }
    take_down();
  }
  return std::move(*report_);
}

}  // namespace weir::sim
