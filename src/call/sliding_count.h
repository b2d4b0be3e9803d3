// How often something happened in the last while: an exact count over ten time slices. Any shard counts, any
// shard reads, no lock. A bucket's count is packed with the number of the slice that it belongs to, so that
// whoever comes first in a new slice replaces a stale count by compare-and-swap and nothing is counted twice
// or lost. Source: resilience4j's and Linkerd's rings: exact, since an average that fades hides a burst.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/time.h"

namespace weir {

class SlidingCount {
 public:
  /// `span`: what is looked back on.
  explicit SlidingCount(Duration span) noexcept;
  /// Counts one. At most one atomic read-modify-write.
  void add(TimePoint now) noexcept;
  /// What was counted in the slice that is under way and the nine before it.
  std::uint32_t sum(TimePoint now) const noexcept;
  /// Forgets all. Counts that come at the same moment may stay.
  void clear() noexcept;

 private:
  static constexpr std::size_t kBuckets = 10;
  std::uint32_t slice(TimePoint now) const noexcept;

  Duration width_;                                              // of a slice
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};  // number of the slice << 32 | count
};

}  // namespace weir
