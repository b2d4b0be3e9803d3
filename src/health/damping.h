// Keeps an endpoint from flapping, whatever the evidence: it changes at most 12 times within any minute, and
// so goes down at most 6 times, as between two downs it comes up. Going down is never held back; every other
// change is, where no room would be left for a down after it. One verdict's. Source: R11; BGP's route flap
// damping (RFC 2439) in the small.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/time.h"

namespace weir {

class Damping {
 public:
  /// What it allows: so many changes in any such span.
  static constexpr Duration kSpan = std::chrono::seconds(60);
  static constexpr std::size_t kChanges = 12;

  /// Health has changed.
  void changed(TimePoint now) noexcept;
  /// Whether it may change otherwise than by going down.
  bool may_change(TimePoint now) const noexcept;

 private:
  std::array<TimePoint, kChanges> last_ = never();
  std::size_t next_ = 0;

  static constexpr std::array<TimePoint, kChanges> never() noexcept {
    std::array<TimePoint, kChanges> times;
    times.fill(TimePoint::min());
    return times;
  }
};

}  // namespace weir
