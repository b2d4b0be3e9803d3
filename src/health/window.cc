#include "health/window.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::uint64_t kCount = 0xffffffff;

constexpr std::uint64_t packed(std::uint32_t slice, std::uint64_t count) noexcept {
  return std::uint64_t{slice} << 32 | count;
}

// How far `slice` is behind `other`; slices' numbers wrap around.
constexpr std::uint32_t behind(std::uint32_t slice, std::uint32_t other) noexcept { return other - slice; }

void advance(std::atomic<TimePoint::rep>& last, TimePoint now) noexcept {
  // Shards' clocks differ by a moment: whichever of two is kept, it is true to that moment. Many calls share
  // one reading of the clock, and then the line stays unwritten.
  const TimePoint::rep at = now.time_since_epoch().count();
  if (last.load(std::memory_order_relaxed) < at) last.store(at, std::memory_order_relaxed);
}

}  // namespace

std::string_view to_string(Fault fault) noexcept {
  switch (fault) {
    case Fault::connect:
      return "connect";
    case Fault::timeout:
      return "timeout";
    case Fault::reset:
      return "reset";
    case Fault::server_error:
      return "server_error";
    case Fault::protocol:
      return "protocol";
    case Fault::wrong_id:
      return "wrong_id";
  }
  return "unknown";
}

Window::Window(Duration span) noexcept
    : width_(std::max<Duration>(span / kBuckets, std::chrono::milliseconds(1))) {}

void Window::succeeded(TimePoint now) noexcept {
  count(good_, slice(now));
  if (rows_.load(std::memory_order_relaxed) != 0) rows_.store(0, std::memory_order_relaxed);
  advance(last_success_, now);
}

void Window::failed(Fault fault, TimePoint now) noexcept {
  count(bad_, slice(now));
  last_.store(fault, std::memory_order_relaxed);
  advance(last_failure_, now);
  rows_.fetch_add(fault == Fault::server_error ? packed(1, 0) : 1, std::memory_order_relaxed);
}

void Window::count(std::array<Bucket, kBuckets>& ring, std::uint32_t slice) noexcept {
  Bucket& bucket = ring[slice % kBuckets];
  std::uint64_t seen = bucket.load(std::memory_order_relaxed);
  while (true) {
    const auto of = static_cast<std::uint32_t>(seen >> 32);
    if (of == slice) {
      // Should the bucket pass to a new slice just now, this thread stood still for a whole span: its call
      // then counts as of today.
      bucket.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (behind(slice, of) <= 2 * kBuckets) return;  // from before the window, by a clock that stood still
    if (bucket.compare_exchange_weak(seen, packed(slice, 1), std::memory_order_relaxed)) return;
  }
}

Window::Reading Window::read(TimePoint now) const noexcept {
  const std::uint32_t current = slice(now);
  const std::uint64_t rows = rows_.load(std::memory_order_relaxed);
  Reading reading;
  reading.succeeded = sum(good_, current);
  reading.failed = sum(bad_, current);
  reading.in_a_row = static_cast<std::uint32_t>(rows & kCount);
  reading.in_a_row_5xx = static_cast<std::uint32_t>(rows >> 32);
  reading.last = last_.load(std::memory_order_relaxed);
  reading.last_success = TimePoint(Duration(last_success_.load(std::memory_order_relaxed)));
  reading.last_failure = TimePoint(Duration(last_failure_.load(std::memory_order_relaxed)));
  return reading;
}

std::uint32_t Window::sum(const std::array<Bucket, kBuckets>& ring, std::uint32_t slice) noexcept {
  std::uint64_t sum = 0;
  for (const Bucket& bucket : ring) {
    const std::uint64_t seen = bucket.load(std::memory_order_relaxed);
    const auto of = static_cast<std::uint32_t>(seen >> 32);
    // One ahead: another shard's clock is.
    if (behind(of, slice) < kBuckets || behind(slice, of) <= kBuckets) sum += seen & kCount;
  }
  return static_cast<std::uint32_t>(std::min(sum, kCount));
}

void Window::clear() noexcept {
  for (std::array<Bucket, kBuckets>* ring : {&good_, &bad_})
    for (Bucket& bucket : *ring) bucket.fetch_and(~kCount, std::memory_order_relaxed);
  rows_.store(0, std::memory_order_relaxed);
  last_success_.store(0, std::memory_order_relaxed);
  last_failure_.store(0, std::memory_order_relaxed);
}

std::uint32_t Window::slice(TimePoint now) const noexcept {
  return static_cast<std::uint32_t>(now.time_since_epoch() / width_);
}

}  // namespace weir
