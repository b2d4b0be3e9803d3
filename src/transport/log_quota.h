// How many lines of a child reach the log: many at once, then a steady few. What is over is counted, so that
// a line can say so. A child in a loop would fill the disk that all share. Time is given with each call.
// Owner: the stdio transport of one child, on its home shard.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace weir {

class LogQuota {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr double kAtOnce = 1000;    // lines
  static constexpr double kPerSecond = 100;  // lines

  /// True if a line may be written at `now`; else it is counted.
  bool admit(TimePoint now) noexcept {
    const std::chrono::duration<double> since = now - last_;
    last_ = now;
    left_ = std::min(kAtOnce, left_ + since.count() * kPerSecond);
    if (left_ < 1) {
      ++dropped_;
      return false;
    }
    left_ -= 1;
    return true;
  }
  /// Lines counted since this was asked last.
  std::uint64_t take_dropped() noexcept { return std::exchange(dropped_, 0); }

 private:
  double left_ = kAtOnce;
  TimePoint last_{};
  std::uint64_t dropped_ = 0;
};

}  // namespace weir
