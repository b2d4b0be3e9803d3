// The real event loop of a shard: one thread, one Asio io_context, one timer armed lazily.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>

#include "runtime/shard.h"

namespace weir {

/// Owns the loop, the shard and its network; run() is the thread's whole life.
class AsioShard final : public Loop {
 public:
  explicit AsioShard(std::size_t index);
  ~AsioShard() override;

  Shard& shard() noexcept { return *shard_; }
  /// Runs until stop(). The calling thread becomes the shard's.
  void run();
  /// Ends run() after the present turn. Any thread.
  void stop() noexcept;

 private:
  TimePoint now() noexcept override;
  WallTime wall_now() noexcept override;
  void arm(TimePoint when) noexcept override;
  void notify() noexcept override;

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace weir
