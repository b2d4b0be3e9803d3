// Keeps an endpoint from flapping, whatever the evidence: it changes at most 12 times within any minute, and
// so goes down at most 6 times, as between two downs it comes up. Going down is never held back; every other
// change is, where no room would be left for a down after it. Who goes down again and again is held for
// longer each time, so that the room lasts: one that is well again is back within 15 s, not at the minute's
// end. One verdict's. Source: R11, R45; BGP's route flap damping (RFC 2439) in the small.
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

  /// How long it stays down at least, by how often it went down within the last span: once, twice, ...
  static constexpr std::array<Duration, 4> kHolds = {std::chrono::seconds(0), std::chrono::seconds(2),
                                                     std::chrono::seconds(8), std::chrono::seconds(15)};

  /// Health has changed; `down`: to unhealthy.
  void changed(TimePoint now, bool down) noexcept;
  /// Whether it may change otherwise than by going down; `down`: it is unhealthy.
  bool may_change(TimePoint now, bool down) const noexcept;

 private:
  struct Change {
    TimePoint at = TimePoint::min();
    bool down = false;
  };
  std::array<Change, kChanges> last_;
  std::size_t next_ = 0;
};

}  // namespace weir
