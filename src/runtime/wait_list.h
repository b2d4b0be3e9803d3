// Waiting for what several coroutines may wait for: a change wakes them all, and each looks again whether it
// may go on. One shard.
#pragma once

#include <utility>
#include <vector>

#include "runtime/task.h"
#include "runtime/waiter.h"

namespace weir {

class WaitList {
 public:
  /// Waits for wake_all(), `until` or the cancelling of `cancel` (null: none).
  Task<Wake> wait(TimePoint until, CancelScope* cancel) {
    Waiter own;
    waiting_.push_back(&own);
    const Wake wake = co_await own.wait(until, cancel);
    if (wake != Wake::ready) std::erase(waiting_, &own);
    co_return wake;
  }
  void wake_all() noexcept {
    for (Waiter* const one : std::exchange(waiting_, {})) one->wake();
  }
  bool empty() const noexcept { return waiting_.empty(); }

 private:
  std::vector<Waiter*> waiting_;
};

}  // namespace weir
