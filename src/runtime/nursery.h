// Child fibers that are always joined: a nursery starts tasks that run beside its owner and waits until all
// have ended. The owner calls join() before the nursery is destroyed; cancelling is the business of a
// CancelScope.
#pragma once

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

/// One shard only.
class Nursery {
 public:
  Nursery() = default;
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  ~Nursery() { WEIR_CHECK(running_ == 0); }

  /// Runs `task` until its first wait, then beside the caller.
  void start(Task<void> task) {
    ++running_;
    run(*this, std::move(task));
  }
  std::size_t running() const noexcept { return running_; }
  /// Waits until every child has ended; children may start others meanwhile.
  Task<void> join() {
    while (running_ != 0) co_await ended_.wait(kForever, nullptr);
  }

 private:
  static detail::Fiber run(Nursery& nursery, Task<void> task) {
    co_await std::move(task);
    if (--nursery.running_ == 0 && nursery.ended_.waiting()) nursery.ended_.wake();
  }

  std::size_t running_ = 0;
  Waiter ended_;
};

}  // namespace weir
