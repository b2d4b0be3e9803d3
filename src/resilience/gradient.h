// A limit of concurrency that follows how long calls take: it shrinks while they take longer than they long
// have, and grows while they do not and somebody needs it. Not shared: its owner's lock.
// Source: Gradient2 of Netflix's concurrency-limits; resilience design section 1.
#pragma once

#include <cstdint>

#include "runtime/time.h"

namespace weir {

class Gradient {
 public:
  /// Starts at the least. `most`: what it may grow to, at least 1; it shrinks to 20, or to `most` if that is
  /// less.
  explicit Gradient(std::uint32_t most) noexcept;
  /// Another `most`; what it has learnt stays.
  void set_most(std::uint32_t most) noexcept;
  /// What one window of calls was like: how long they took on average, how many were under way at most, and
  /// whether any had to wait.
  void update(Duration took, std::uint32_t in_flight, bool pressed) noexcept;
  std::uint32_t limit() const noexcept { return static_cast<std::uint32_t>(limit_); }

 private:
  void learn(double took) noexcept;

  double least_;
  double most_;
  double limit_;
  double usual_ = 0;           // how long calls have long taken, in nanoseconds
  std::uint32_t windows_ = 0;  // that it was learnt from, up to kWarmUp
};

}  // namespace weir
