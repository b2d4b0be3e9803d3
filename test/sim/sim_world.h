// The simulator: many shards stepped on one thread in an order drawn from a seed, virtual time that jumps to
// the next deadline when all are idle, and an in-memory network. A failing test prints its seed; the seed
// replays it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/nursery.h"
#include "runtime/shard.h"
#include "runtime/stream.h"

namespace weir::sim {

class World;

/// One simulated shard: its loop and its network.
class Node final : public Loop {
 public:
  Node(World& world, std::size_t index);
  ~Node() override;
  Shard& shard() noexcept { return shard_; }

 private:
  friend class World;
  TimePoint now() noexcept override;
  WallTime wall_now() noexcept override;
  void arm(TimePoint when) noexcept override { armed_ = when; }
  void notify() noexcept override;
  Random chance() noexcept override;

  World& world_;
  TimePoint armed_ = kForever;
  Shard shard_;
  std::unique_ptr<Network> network_;
};

/// How the network misbehaves; drawn per connection and per read from the world's seed.
struct Weather {
  Duration delay_max{};           // each segment takes up to this long
  std::size_t slice_max = 65536;  // a read delivers at most this many bytes
  std::size_t window = 262144;    // bytes under way before a writer must wait
};

/// While it lives what this thread gets of the system's randomness follows from the seed.
class FixedChance {
 public:
  explicit FixedChance(std::uint64_t seed);
  ~FixedChance();
  FixedChance(const FixedChance&) = delete;
  FixedChance& operator=(const FixedChance&) = delete;

 private:
  std::mt19937_64 random_;
  std::mt19937_64* outer_;
};

class World {
 public:
  World(std::size_t shards, std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Shard& shard(std::size_t index) { return nodes_[index]->shard(); }
  TimePoint now() const noexcept { return now_; }
  std::mt19937_64& random() noexcept { return random_; }
  Weather& weather() noexcept { return weather_; }
  /// Starts `task` on a shard; the world joins it.
  void start(std::size_t shard, std::function<Task<void>()> task);
  /// Steps until every started task has ended. False: all are idle for ever (a hang), or `steps_max` is
  /// reached.
  bool run(std::size_t steps_max = 10'000'000);
  /// All shards stand still for so long: whatever became due meanwhile is late.
  void stall(Duration time) noexcept { now_ += time; }
  /// `look` is called after each step of run(), between turns.
  void watch(std::function<void()> look) { look_ = std::move(look); }
  /// Queues `event` for `shard` at `when`.
  void at(TimePoint when, Shard& shard, std::function<void()> event);
  /// Cuts every connection whose either end listens at `address`; new ones are refused while `down`.
  void set_down(const SocketAddress& address, bool down);
  /// What a name stands for from now on; nothing: its name server never answers. A name that was not set is
  /// none.
  void set_name(const std::string& host, std::optional<NameAnswer> answer);
  void unset_name(const std::string& host);
  /// What was looked up, and when.
  const std::vector<std::pair<std::string, TimePoint>>& looked_up() const noexcept { return looked_up_; }
  Task<Result<NameAnswer>> look_up(std::string host, TimePoint deadline, CancelScope& cancel);
  /// Connections to `address` whose connecting (or whose accepting) end has not been closed.
  std::size_t open_connections(const SocketAddress& address, bool accepting = false);
  /// After run(): steps until nothing is due any more. False: something goes on for ever.
  bool settle(std::size_t steps_max = 1'000'000);

  struct Ground;  // the network's state
  Ground& ground() noexcept { return *ground_; }

 private:
  friend class Node;
  struct Event {
    Shard* shard;
    std::function<void()> run;
  };
  bool step();

  std::mt19937_64 random_;
  FixedChance fixed_;
  TimePoint now_{std::chrono::hours(1)};
  Weather weather_;
  std::unique_ptr<Ground> ground_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Event> due_;  // any of them may be next
  std::multimap<TimePoint, Event> later_;
  std::size_t running_ = 0;
  std::vector<std::pair<std::string, TimePoint>> looked_up_;
  std::function<void()> look_;
};

}  // namespace weir::sim
