// The two clocks of the product. Code asks its shard for the time; only runtime/ and the log's writer read
// real clocks.
#pragma once

#include <chrono>

namespace weir {

/// Monotonic time, virtual in simulations.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
/// Civil time, for logs and exports only.
using WallTime = std::chrono::system_clock::time_point;

/// "No deadline".
inline constexpr TimePoint kForever = TimePoint::max();

}  // namespace weir
