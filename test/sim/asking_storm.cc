#include "sim/asking_storm.h"

#include <algorithm>

#include "http/pool.h"
#include "http/server.h"
#include "runtime/hop.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kGateway("10.0.0.1", 80);
constexpr milliseconds kTimeout(2000);
constexpr milliseconds kInputTime(1500);

}  // namespace

/// Where one shard takes clients.
struct AskingStorm::Door {
  Door(Gateway& gateway, FrontObserver& observer) : entry(gateway, HttpEntry::Options(), observer) {}
  HttpEntry entry;
  HttpServerLimits limits;
  CancelScope stop;
  Nursery connections;
};

AskingStorm::AskingStorm(std::uint64_t seed, bool abrupt) : abrupt_(abrupt), world_(kShards, seed) {
  static constexpr std::size_t kSlices[] = {65536, 700, 60};
  world_.weather().slice_max = kSlices[draw(3)];
  world_.weather().window = draw(2) == 0 ? 262144 : 5000;
  world_.weather().delay_max = milliseconds(draw(3) * 3);
  static constexpr const char* kNames[] = {"alpha", "beta", "gamma"};
  for (std::size_t i = 0; i < 3; ++i) {
    AskingUpstream::Options server;
    server.name = kNames[i];
    server.address = SocketAddress("10.0.1." + std::to_string(i + 1), 8080);
    server.old_era = i == 0 || (i == 1 && draw(2) == 0);
    servers_.push_back(std::make_unique<AskingUpstream>(world_, std::move(server)));
  }
  for (std::size_t i = 0; i <= kControl; ++i) shards_.push_back(&world_.shard(i));
  gateway_ = std::make_unique<Gateway>(shards_, kWorkers, Gateway::Observer());
  for (std::size_t i = 0; i < kWorkers; ++i) doors_.push_back(std::make_unique<Door>(*gateway_, *this));
}

AskingStorm::~AskingStorm() = default;

Config AskingStorm::config() {
  Config config;
  config.timeout.request = kTimeout;
  config.timeout.connect = milliseconds(500);
  config.timeout.list = milliseconds(1000);
  config.timeout.startup = kTimeout;
  config.timeout.input = kInputTime;
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

void AskingStorm::note_upstreams() {
  for (const auto& upstream : gateway_->plan_now()->servers) upstreams_.emplace_back(upstream);
}

Task<void> AskingStorm::let_in(Door& door) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(kGateway, true);
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(door.stop);
    if (!stream) break;
    door.connections.start(serve_http(std::move(*stream), door.entry, door.limits, door.stop));
  }
  listener->reset();
  co_await door.connections.join();
}

Task<void> AskingStorm::one_client(AskingClient::Options options) {
  AskingClient client(world_, std::move(options), report_.tally);
  co_await client.run();
  --clients_left_;
}

Task<void> AskingStorm::change_things() {
  while (storming_) {
    co_await sleep(milliseconds(300 + draw(2500)));
    if (!storming_) break;
    if (draw(3) == 0) {
      ++header_;
      gateway_->apply(config());
      note_upstreams();
      continue;
    }
    const SocketAddress& address = servers_[draw(servers_.size())]->options().address;
    world_.set_down(address, true);
    co_await sleep(milliseconds(draw(200)));
    world_.set_down(address, false);
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
  gateway_->apply(config());
  note_upstreams();
  Nursery changes;
  changes.start(change_things());
  if (abrupt_) {
    co_await sleep(milliseconds(300 + draw(3000)));
    storming_ = false;
    co_await changes.join();
    co_await close();
  }
  while (clients_left_ != 0) co_await sleep(milliseconds(50));
  storming_ = false;
  co_await changes.join();
  if (!abrupt_) {
    co_await wait_for_rest();
    co_await close();
  }
  world_.shard(kServers).post([this] { servers_stop_.cancel(); });
}

// With all clients gone and the time for answers over, nothing may be left.
Task<void> AskingStorm::wait_for_rest() {
  co_await sleep(seconds(90));
  std::uint32_t calls = 0;
  for (const auto& weak : upstreams_)
    if (const auto upstream = weak.lock()) calls += upstream->in_flight();
  if (calls != 0) blame(std::to_string(calls) + " calls are in flight for ever");
  for (Shard* shard : shards_) {
    const std::size_t waiting = co_await parked(*shard);
    if (waiting != 0) blame(std::to_string(waiting) + " calls are parked for ever");
  }
  if (gateway_->events().listening() != 0) blame("listeners are left");
  if (world_.open_connections(kGateway, true) != 0) blame("connections of clients are left");
  for (const auto& server : servers_)
    if (world_.open_connections(server->options().address) != 0)
      blame("connections to " + server->options().name + " rest for ever");
}

Task<void> AskingStorm::close() {
  for (std::size_t i = 0; i < kWorkers; ++i)
    shards_[i]->post([door = doors_[i].get()] { door->stop.cancel(); });
  const TimePoint deadline = world_.now() + milliseconds(abrupt_ ? draw(3000) : 3000);
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
}

AskReport AskingStorm::run() {
  for (const auto& server : servers_)
    world_.start(kServers, [this, &server] { return server->serve(servers_stop_); });
  for (std::size_t i = 0; i < kWorkers; ++i) world_.start(i, [this, i] { return let_in(*doors_[i]); });
  world_.start(kControl, [this] { return direct(); });
  clients_left_ = 6;
  for (int i = 0; i < 6; ++i) {
    AskingClient::Options client;
    client.number = i + 1;
    client.gateway = kGateway;
    for (const auto& server : servers_) client.servers.push_back(server->options().name);
    client.old_era = i % 2 == 0;
    client.may_lose = abrupt_;
    client.patience = seconds(20);
    world_.start(kClients, [this, client] { return one_client(client); });
  }
  if (!world_.run(100'000'000)) {
    blame("the simulation hangs");
    return report_;
  }
  for (const auto& server : servers_) {
    report_.questions += server->questions();
    report_.answers += server->answers();
    for (const std::string& violation : server->violations()) blame(violation);
  }
  doors_.clear();
  gateway_.reset();
  if (!world_.settle()) blame("something goes on for ever");
  for (const auto& weak : upstreams_)
    if (!weak.expired()) blame("a server is held by a fiber that has not ended");
  return report_;
}

}  // namespace weir::sim
