// A shard: one thread with one event loop, its clock, timers and queue of coroutines that may go on. What is
// mutable lives on one shard; other shards reach it by post(). The loop behind it is real
// (runtime/epoll_loop) or simulated.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "runtime/time.h"
#include "runtime/timers.h"

namespace weir {

class Network;

/// Work carried to another shard. Run once, there.
class Mail {
 public:
  virtual ~Mail() = default;
  /// Runs until stopped, on the calling thread, which is the shard's from then on.
  virtual void run() = 0;
};

/// What a shard needs of its event loop.
class Loop {
 public:
  virtual ~Loop() = default;
  /// Time: of the present turn, for deadlines; and of the calendar, for people.
  virtual TimePoint now() noexcept = 0;
  virtual WallTime wall_now() noexcept = 0;
  /// Calls Shard::turn() not before `when`; a later call replaces an earlier one. Shard's thread.
  virtual void arm(TimePoint when) noexcept = 0;
  /// Makes the shard's thread call Shard::deliver() soon. Any thread.
  virtual void notify() noexcept = 0;
  /// The source of chance for what runs here; the same in every run of a simulation.
  virtual Random chance() noexcept { return Random::from_system(); }
};

class Shard {
 public:
  /// `loop` and `network` outlive the shard.
  Shard(std::size_t index, Loop& loop);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard();

  /// The shard of this thread; there must be one.
  static Shard& current() noexcept {
    WEIR_CHECK(g_current != nullptr);
    return *g_current;
  }
  std::size_t index() const noexcept { return index_; }
  /// The time of the present turn of the loop; constant within it.
  TimePoint now() const noexcept { return now_; }
  WallTime wall_now() noexcept { return loop_.wall_now(); }
  Random chance() noexcept { return loop_.chance(); }
  Timers& timers() noexcept { return timers_; }
  Network& network() noexcept { return *network_; }
  void set_network(Network& network) noexcept { network_ = &network; }

  /// Resumes `handle` later in this turn. Shard's thread.
  void ready(std::coroutine_handle<> handle) { ready_.push_back(handle); }
  /// Runs `work` on this shard. Any thread; order is kept per sender. Work posted to a shard that has stopped
  /// is dropped with the shard.
  void post(std::unique_ptr<Mail> work);
  template <class F>
    requires std::invocable<F&>
  void post(F&& work) {
    struct Holder final : Mail {
      std::decay_t<F> function;
      explicit Holder(F&& f) : function(std::forward<F>(f)) {}
      void run() override { function(); }
    };
    post(std::unique_ptr<Mail>(std::make_unique<Holder>(std::forward<F>(work))));
  }

  /// One turn: what `event` does, mail, due timers, then all coroutines that became ready. Called by the loop
  /// for each completion; never nested.
  template <class F>
  void turn(F&& event) {
    begin_turn();
    event();
    end_turn();
  }
  /// A turn without an event: due timers only. What Loop::arm leads to.
  void turn() {
    turn([] {});
  }
  /// A turn that runs the mail. What Loop::notify leads to.
  void deliver() {
    turn([this] { take_mail(); });
  }

 private:
  static constinit thread_local Shard* g_current;

  void begin_turn() noexcept;
  void end_turn();
  void take_mail();

  const std::size_t index_;
  Loop& loop_;
  Network* network_ = nullptr;
  TimePoint now_;
  Timers timers_;
  TimePoint armed_ = kForever;
  Shard* outer_ = nullptr;  // the simulator steps many shards on one thread
  std::vector<std::coroutine_handle<>> ready_;
  std::mutex mail_lock_;
  bool mail_waits_ = false;  // guarded by mail_lock_
  std::vector<std::unique_ptr<Mail>> mail_;
};

}  // namespace weir
