#include "health/window.h"

namespace weir {
namespace {

constexpr std::uint64_t kRow = 0xffffffff;
constexpr std::uint64_t kRow5xx = std::uint64_t{1} << 32;

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

Window::Window(Duration span) noexcept : good_(span), bad_(span) {}

void Window::succeeded(TimePoint now) noexcept {
  good_.add(now);
  if (rows_.load(std::memory_order_relaxed) != 0) rows_.store(0, std::memory_order_relaxed);
  advance(last_success_, now);
}

void Window::failed(Fault fault, TimePoint now) noexcept {
  bad_.add(now);
  last_.store(fault, std::memory_order_relaxed);
  advance(last_failure_, now);
  rows_.fetch_add(fault == Fault::server_error ? kRow5xx : 1, std::memory_order_relaxed);
}

Window::Reading Window::read(TimePoint now) const noexcept {
  const std::uint64_t rows = rows_.load(std::memory_order_relaxed);
  Reading reading;
  reading.succeeded = good_.sum(now);
  reading.failed = bad_.sum(now);
  reading.in_a_row = static_cast<std::uint32_t>(rows & kRow);
  reading.in_a_row_5xx = static_cast<std::uint32_t>(rows >> 32);
  reading.last = last_.load(std::memory_order_relaxed);
  reading.last_success = TimePoint(Duration(last_success_.load(std::memory_order_relaxed)));
  reading.last_failure = TimePoint(Duration(last_failure_.load(std::memory_order_relaxed)));
  return reading;
}

void Window::clear() noexcept {
  good_.clear();
  bad_.clear();
  rows_.store(0, std::memory_order_relaxed);
  last_success_.store(0, std::memory_order_relaxed);
  last_failure_.store(0, std::memory_order_relaxed);
}

}  // namespace weir
