#include "sim/sim_world.h"

#include "sim/sim_network.h"

namespace weir::sim {

Node::Node(World& world, std::size_t index)
    : world_(world), shard_(index, *this), network_(make_sim_network(world, shard_)) {
  shard_.set_network(*network_);
}
Node::~Node() = default;

TimePoint Node::now() noexcept { return world_.now_; }
WallTime Node::wall_now() noexcept {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(world_.now_.time_since_epoch()));
}
Random Node::chance() noexcept { return Random(world_.random_()); }
void Node::notify() noexcept {
  world_.due_.push_back(World::Event{nullptr, [this] { shard_.deliver(); }});
}

World::World(std::size_t shards, std::uint64_t seed)
    : random_(seed), fixed_(seed), ground_(std::make_unique<Ground>()) {
  for (std::size_t i = 0; i < shards; ++i) nodes_.push_back(std::make_unique<Node>(*this, i));
}
World::~World() = default;

namespace {
detail::Fiber drive(std::function<Task<void>()> task, std::size_t& running) {
  co_await task();
  --running;
}
}  // namespace

void World::start(std::size_t shard, std::function<Task<void>()> task) {
  ++running_;
  at(now_, nodes_[shard]->shard(), [this, task] { drive(task, running_); });
}

void World::at(TimePoint when, Shard& shard, std::function<void()> event) {
  if (when <= now_)
    due_.push_back(Event{&shard, std::move(event)});
  else
    later_.emplace(when, Event{&shard, std::move(event)});
}

bool World::step() {
  if (due_.empty()) {
    TimePoint next = later_.empty() ? kForever : later_.begin()->first;
    for (const auto& node : nodes_) next = std::min(next, node->armed_);
    if (next == kForever) return false;
    now_ = std::max(now_, next);
    while (!later_.empty() && later_.begin()->first <= now_) {
      due_.push_back(std::move(later_.begin()->second));
      later_.erase(later_.begin());
    }
    for (const auto& node : nodes_) {
      if (node->armed_ > now_) continue;
      node->armed_ = kForever;
      due_.push_back(Event{&node->shard(), [] {}});
    }
    return true;
  }
  const std::size_t chosen = random_() % due_.size();
  Event event = std::move(due_[chosen]);
  due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(chosen));
  if (event.shard == nullptr)
    event.run();
  else
    event.shard->turn([&] { event.run(); });
  return true;
}

bool World::run(std::size_t steps_max) {
  for (std::size_t i = 0; running_ != 0; ++i) {
    if (i == steps_max || !step()) return false;
    if (look_) look_();
  }
  return true;
}

bool World::settle(std::size_t steps_max) {
  for (std::size_t i = 0; i < steps_max; ++i)
    if (!step()) return true;
  return false;
}

}  // namespace weir::sim
