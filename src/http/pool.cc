#include "http/pool.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"

namespace weir {
namespace {
std::atomic<std::uint32_t> open_count{0};
}

void CloseCounted::operator()(Channel* channel) const noexcept {
  open_count.fetch_sub(1, std::memory_order_relaxed);
  delete channel;
}

std::uint32_t open_upstream_connections() noexcept { return open_count.load(std::memory_order_relaxed); }

PooledConnection::PooledConnection(Pool& pool, CountedChannel channel, bool reused) noexcept
    : pool_(&pool), channel_(std::move(channel)), reused_(reused) {
  ++pool.in_use_;
}

PooledConnection::PooledConnection(PooledConnection&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      channel_(std::move(other.channel_)),
      reused_(other.reused_) {}

PooledConnection& PooledConnection::operator=(PooledConnection&& other) noexcept {
  drop();
  pool_ = std::exchange(other.pool_, nullptr);
  channel_ = std::move(other.channel_);
  reused_ = other.reused_;
  return *this;
}

PooledConnection::~PooledConnection() { drop(); }

void PooledConnection::drop() noexcept {
  if (pool_ == nullptr) return;
  --pool_->in_use_;
  pool_ = nullptr;
  channel_.reset();
}

void PooledConnection::keep() noexcept {
  WEIR_CHECK(pool_ != nullptr);
  Pool& pool = *pool_;
  CountedChannel channel = std::move(channel_);
  drop();
  pool.give_back(std::move(channel));
}

Pool::Sweep::Sweep(Pool* pool) noexcept
    : TimerEntry([](TimerEntry& entry) noexcept { static_cast<Sweep&>(entry).self->sweep(); }), self(pool) {}

Pool::Pool(Shard& shard, Origin origin, Options options)
    : shard_(shard), connector_(std::move(origin)), options_(options), sweep_(this) {}

Pool::~Pool() {
  WEIR_CHECK(in_use_ == 0);
  shard_.timers().remove(sweep_);
}

PooledConnection Pool::take_idle() noexcept {
  while (!idle_.empty()) {
    CountedChannel channel = std::move(idle_.back().channel);
    const bool stale = idle_.back().since + options_.idle_max <= shard_.now();
    idle_.pop_back();
    // Bytes that nobody asked for make a connection as useless as its end.
    if (!stale && !channel->ended() && channel->pending().empty())
      return PooledConnection(*this, std::move(channel), true);
  }
  return PooledConnection();
}

Task<Result<PooledConnection>> Pool::open(TimePoint deadline, CancelScope& cancel) {
  Result<std::unique_ptr<Channel>> channel = co_await connector_.connect(deadline, cancel);
  if (!channel) co_return fail(channel.error());
  open_count.fetch_add(1, std::memory_order_relaxed);
  CountedChannel counted(channel->release());
  co_return PooledConnection(*this, std::move(counted), false);
}

void Pool::give_back(CountedChannel channel) noexcept {
  if (channel->ended() || !channel->pending().empty() || idle_.size() >= options_.idle_count_max) return;
  channel->arm();
  idle_.push_back(Idle{std::move(channel), shard_.now()});
  if (!sweep_.linked()) shard_.timers().add(sweep_, idle_.front().since + options_.idle_max);
}

void Pool::sweep() noexcept {
  const TimePoint old = shard_.now() - options_.idle_max;
  const auto fresh = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) {
    return idle.since > old && !idle.channel->ended();
  });
  idle_.erase(idle_.begin(), fresh);
  if (!idle_.empty()) shard_.timers().add(sweep_, idle_.front().since + options_.idle_max);
}

}  // namespace weir
