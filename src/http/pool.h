// Kept-alive upstream connections of one origin on one shard, the last used first. A resting connection is
// read ahead, so one that the server has closed is known as dead before anything is written to it.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "http/connector.h"
#include "runtime/channel.h"
#include "runtime/shard.h"
#include "runtime/timers.h"

namespace weir {

class Pool;

/// A connection that is counted for as long as it is open.
struct CloseCounted {
  void operator()(Channel* channel) const noexcept;
};
using CountedChannel = std::unique_ptr<Channel, CloseCounted>;
/// Open connections to upstreams, of all pools. Any thread.
std::uint32_t open_upstream_connections() noexcept;

/// One connection in use. Without keep() it is closed on destruction. Outlived by its pool.
class PooledConnection {
 public:
  PooledConnection() = default;
  PooledConnection(Pool& pool, CountedChannel channel, bool reused) noexcept;
  PooledConnection(PooledConnection&& other) noexcept;
  PooledConnection& operator=(PooledConnection&& other) noexcept;
  ~PooledConnection();

  /// False without a connection; then there is no channel().
  explicit operator bool() const noexcept { return channel_ != nullptr; }
  Channel& channel() noexcept { return *channel_; }
  /// True if an earlier exchange used it: then a failure before any byte of an answer may be the server's
  /// idle close.
  bool reused() const noexcept { return reused_; }
  /// Gives it back for the next exchange: the answer was read to its end and the server keeps the connection.
  void keep() noexcept;

 private:
  void drop() noexcept;
  Pool* pool_ = nullptr;
  CountedChannel channel_;
  bool reused_ = false;
};

class Pool {
 public:
  /// Bounds of what rests.
  struct Options {
    Duration idle_max = std::chrono::seconds(4);  // Node's servers close at 5
    std::size_t idle_count_max = 512;
  };
  Pool(Shard& shard, Origin origin, Options options);
  /// All connections must have been given back or dropped.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// The most recently kept live connection, if any: no wait, no system call.
  PooledConnection take_idle() noexcept;
  /// A new connection; errors as Connector::connect.
  Task<Result<PooledConnection>> open(TimePoint deadline, CancelScope& cancel);
  std::size_t idle() const noexcept { return idle_.size(); }
  std::size_t in_use() const noexcept { return in_use_; }
  const Origin& origin() const noexcept { return connector_.origin(); }

 private:
  friend class PooledConnection;
  struct Idle {
    CountedChannel channel;
    TimePoint since;
  };
  struct Sweep : TimerEntry {
    explicit Sweep(Pool* pool) noexcept;
    Pool* self;
  };
  void give_back(CountedChannel channel) noexcept;
  void sweep() noexcept;

  Shard& shard_;
  Connector connector_;
  Options options_;
  std::vector<Idle> idle_;  // the longest resting first
  std::size_t in_use_ = 0;
  Sweep sweep_;
};

}  // namespace weir
