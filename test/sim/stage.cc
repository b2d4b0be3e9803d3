#include "sim/stage.h"

#include <algorithm>

#include "http/pool.h"
#include "http/server.h"

namespace weir::sim {
namespace {

using std::chrono::milliseconds;

}  // namespace

/// Where one shard takes clients.
struct Stage::Door {
  Door(Gateway& gateway, FrontObserver& observer) : entry(gateway, HttpEntry::Options(), observer) {}
  HttpEntry entry;
  HttpServerLimits limits;
  CancelScope stop;
  IdleList idle;
  Nursery connections;
};

const SocketAddress& Stage::gateway_address() {
  static const SocketAddress address("10.0.0.1", 80);
  return address;
}

Stage::Stage(std::uint64_t seed, std::size_t servers, std::vector<std::string>& violations)
    : world_(kShards, seed), violations_(violations) {
  static constexpr std::size_t kSlices[] = {65536, 700, 60};
  world_.weather().slice_max = kSlices[draw(3)];
  world_.weather().window = draw(2) == 0 ? 262144 : 5000;
  world_.weather().delay_max = milliseconds(draw(3) * 3);
  static constexpr const char* kNames[] = {"alpha", "beta", "gamma"};
  for (std::size_t i = 0; i < servers; ++i)
    places_.push_back({kNames[i], SocketAddress("10.0.1." + std::to_string(i + 1), 8080)});
  for (std::size_t i = 0; i <= kControl; ++i) shards_.push_back(&world_.shard(i));
  gateway_ = std::make_unique<Gateway>(shards_, kWorkers, Gateway::Observer());
  for (std::size_t i = 0; i < kWorkers; ++i) doors_.push_back(std::make_unique<Door>(*gateway_, *this));
}

Stage::~Stage() = default;

Config Stage::config() {
  Config config;
  config.timeout.request = kTimeout;
  config.timeout.connect = milliseconds(500);
  config.timeout.list = kListTime;
  config.timeout.startup = kTimeout;
  for (const Place& place : places_) {
    ServerConfig one;
    one.name = place.name;
    one.url = "http://" + place.address.host + ":8080/mcp";
    config.servers.push_back(std::move(one));
  }
  if (header_ != 0) config.servers[0].headers.emplace_back("X-Change", std::to_string(header_));
  return config;
}

void Stage::apply() {
  Config next = config();
  for (ServerConfig& server : next.servers) server.timeout = next.timeout;
  gateway_->apply(std::move(next));
  for (const auto& upstream : gateway_->plan_now()->servers) upstreams_.emplace_back(upstream);
}

Task<void> Stage::change_one(unsigned reload_in, Duration away) {
  if (draw(reload_in) == 0) {
    ++header_;
    apply();
    co_return;
  }
  const SocketAddress& address = places_[draw(places_.size())].address;
  world_.set_down(address, true);
  const auto most = std::chrono::duration_cast<milliseconds>(away).count();
  co_await sleep(milliseconds(draw(static_cast<std::size_t>(most))));
  world_.set_down(address, false);
}

Task<void> Stage::let_in(Door& door) {
  Result<std::unique_ptr<Listener>> listener = Shard::current().network().listen(gateway_address(), true);
  while (true) {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept(door.stop);
    if (!stream) break;
    door.connections.start(serve_http(std::move(*stream), door.entry, door.limits, door.stop, door.idle));
  }
  listener->reset();
  co_await door.connections.join();
}

void Stage::begin(std::function<Task<void>()> direct) {
  for (std::size_t i = 0; i < kWorkers; ++i) world_.start(i, [this, i] { return let_in(*doors_[i]); });
  world_.start(kControl, std::move(direct));
}

std::size_t Stage::connections() const {
  std::size_t count = 0;
  for (const auto& door : doors_) count += door->connections.running();
  return count;
}

std::uint32_t Stage::in_flight() const {
  std::uint32_t calls = 0;
  for (const auto& weak : upstreams_)
    if (const auto upstream = weak.lock()) calls += upstream->in_flight();
  return calls;
}

void Stage::judge_connections(const std::string& when) {
  for (const Place& place : places_)
    if (world_.open_connections(place.address) != 0)
      blame("connections to " + place.name + " are left " + when);
  if (open_upstream_connections() != 0) blame("connections to servers are counted " + when);
}

// A probe's connection rests for seconds, and the next probe comes seconds later: they are not for ever.
Task<void> Stage::wait_for_quiet() {
  const TimePoint until = world_.now() + std::chrono::seconds(900);
  while (open_upstream_connections() != 0 && world_.now() < until) co_await sleep(milliseconds(100));
}

Task<void> Stage::close(bool abrupt) {
  for (std::size_t i = 0; i < kWorkers; ++i)
    shards_[i]->post([door = doors_[i].get()] { door->stop.cancel(); });
  const TimePoint deadline = world_.now() + milliseconds(abrupt ? draw(3000) : 3000);
  while (connections() != 0 && world_.now() < deadline) co_await sleep(milliseconds(5));
  co_await gateway_->close(std::max(deadline, world_.now() + milliseconds(100)));
  co_await sleep(milliseconds(100));
  judge_connections("after the end");
}

bool Stage::run_world(std::size_t steps_max) {
  if (world_.run(steps_max)) return true;
  blame("the simulation hangs");
  return false;
}

void Stage::take_down() {
  doors_.clear();
  gateway_.reset();
  if (!world_.settle()) blame("something goes on for ever");
  for (const auto& weak : upstreams_)
    if (!weak.expired()) blame("a server is held by a fiber that has not ended");
}

}  // namespace weir::sim
