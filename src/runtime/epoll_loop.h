// The real event loop of a shard: one thread, one epoll set. Descriptors are registered once, edge-triggered,
// for as long as they live; the loop knows no buffers and makes no system call but epoll_wait.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/shard.h"

namespace weir {

/// What a registered descriptor does with its events, in a turn of the shard. One shard.
class Watcher {
 public:
  /// `events`: epoll's bits; 0 when the loop comes back to it after poll_again().
  virtual void on_events(std::uint32_t events) noexcept = 0;

 protected:
  ~Watcher() = default;
};

/// Something that has bytes to send at the end of a round.
class Poster {
 public:
  /// Sends what was posted, as far as it goes.
  virtual void flush_posted() noexcept = 0;

 protected:
  ~Poster() = default;
};

/// Owns the loop, the shard and its network; run() is the thread's whole life.
class EpollShard final : public Loop {
 public:
  explicit EpollShard(std::size_t index);
  ~EpollShard() override;

  /// The shard that this loop runs.
  Shard& shard() noexcept { return *shard_; }
  /// Runs until stop(). The calling thread becomes the shard's.
  void run();
  /// Ends run() after the present turn. Any thread.
  void stop() noexcept;

  /// Registers `fd`; false with errno where epoll cannot. Shard's thread, as all below.
  bool watch(int fd, Watcher& watcher) noexcept;
  /// No more events for `watcher`, whose descriptor is closed next.
  void forget(Watcher& watcher) noexcept;
  /// Ends the registration of one of a watcher's two descriptors.
  void unregister(int fd) noexcept;
  /// Ends the registration of a descriptor that lives on: closing alone would not, while a duplicate is open.
  void unwatch(int fd, Watcher& watcher) noexcept;
  /// Calls the watcher once more, in a turn of its own, before the loop waits again.
  void poll_again(Watcher& watcher) { again_.push_back(&watcher); }
  /// Calls flush_posted() once, after the events of the present round; a round of many flushes on the way.
  void flush_later(Poster& poster);
  /// Forgets what flush_later() noted.
  void forget_posted(Poster& poster) noexcept;

 private:
  void flush() noexcept;
  TimePoint now() noexcept override;
  WallTime wall_now() noexcept override;
  void arm(TimePoint when) noexcept override { armed_ = when; }
  void notify() noexcept override;
  int wait_ms(TimePoint at) noexcept;  // `at`: now

  int epoll_ = -1;
  int wake_ = -1;  // an eventfd, for notify() and stop()
  TimePoint armed_ = kForever;
  std::atomic<bool> stopped_ = false;
  std::array<epoll_event, 256> batch_;
  int batch_at_ = 0;
  int batch_size_ = 0;
  std::vector<Watcher*> again_;
  std::vector<Watcher*> now_again_;
  std::vector<Poster*> posted_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace weir
