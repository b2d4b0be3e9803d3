#include "call/sliding_count.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint64_t kCount = 0xffffffff;

constexpr std::uint64_t packed(std::uint32_t slice, std::uint64_t count) noexcept {
  return std::uint64_t{slice} << 32 | count;
}

// How far `slice` is behind `other`; slices' numbers wrap around.
constexpr std::uint32_t behind(std::uint32_t slice, std::uint32_t other) noexcept { return other - slice; }

}  // namespace

SlidingCount::SlidingCount(Duration span) noexcept
    : width_(std::max<Duration>(span / kBuckets, std::chrono::milliseconds(1))) {}

void SlidingCount::add(TimePoint now) noexcept {
  const std::uint32_t current = slice(now);
  std::atomic<std::uint64_t>& bucket = buckets_[current % kBuckets];
  std::uint64_t seen = bucket.load(std::memory_order_relaxed);
  while (true) {
    const auto of = static_cast<std::uint32_t>(seen >> 32);
    if (of == current) {
      // Should the bucket pass to a new slice just now, this thread stood still for a whole span: its call
      // then counts as of today.
      bucket.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (behind(current, of) <= 2 * kBuckets) return;  // from before the window, by a clock that stood still
    if (bucket.compare_exchange_weak(seen, packed(current, 1), std::memory_order_relaxed)) return;
  }
}

std::uint32_t SlidingCount::sum(TimePoint now) const noexcept {
  const std::uint32_t current = slice(now);
  std::uint64_t sum = 0;
  for (const auto& bucket : buckets_) {
    const std::uint64_t seen = bucket.load(std::memory_order_relaxed);
    const auto of = static_cast<std::uint32_t>(seen >> 32);
    // One ahead: another shard's clock is.
    if (behind(of, current) < kBuckets || behind(current, of) <= kBuckets) sum += seen & kCount;
  }
  return static_cast<std::uint32_t>(std::min(sum, kCount));
}

void SlidingCount::clear() noexcept {
  for (auto& bucket : buckets_) bucket.fetch_and(~kCount, std::memory_order_relaxed);
}

std::uint32_t SlidingCount::slice(TimePoint now) const noexcept {
  return static_cast<std::uint32_t>(now.time_since_epoch() / width_);
}

}  // namespace weir
