#include "runtime/asio_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>

#include "runtime/tcp.h"

namespace weir {

AsioShard::AsioShard(std::size_t index) : work_(io_.get_executor()), timer_(io_) {
  // A pipe whose reader has gone is an error value of the write, never the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  shard_ = std::make_unique<Shard>(index, *this);
  network_ = make_tcp_network(io_, *shard_);
  shard_->set_network(*network_);
}

AsioShard::~AsioShard() = default;

void AsioShard::run() { io_.run(); }

void AsioShard::stop() noexcept { io_.stop(); }

TimePoint AsioShard::now() noexcept { return std::chrono::steady_clock::now(); }

WallTime AsioShard::wall_now() noexcept { return std::chrono::system_clock::now(); }

void AsioShard::arm(TimePoint when) noexcept {
  timer_.expires_at(when);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) shard_->turn();
  });
}

void AsioShard::notify() noexcept {
  boost::asio::post(io_, [this] { shard_->deliver(); });
}

}  // namespace weir
