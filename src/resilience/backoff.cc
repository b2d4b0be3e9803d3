#include "resilience/backoff.h"

#include <algorithm>

namespace weir {
namespace {

Duration between(Duration low, Duration high, Random& random) noexcept {
  if (high <= low) return low;
  return low +
         Duration(static_cast<Duration::rep>(random.unit() * static_cast<double>((high - low).count())));
}

}  // namespace

Duration backoff(const RetryConfig& config, std::size_t next, Duration before, Random& random) noexcept {
  const Duration most = config.max_delay;
  Duration whole = std::min<Duration>(config.initial_delay, most);
  if (config.jitter == RetryConfig::Jitter::decorrelated)
    return std::min(most, between(whole, std::max(3 * before, whole), random));
  for (std::size_t i = 2; i < next && whole < most; ++i) whole = std::min(2 * whole, most);
  const bool full = config.jitter == RetryConfig::Jitter::full;
  return between(full ? Duration::zero() : whole / 2, whole, random);
}

}  // namespace weir
