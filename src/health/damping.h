// Keeps an endpoint from flapping, whatever the evidence: it goes down at most 6 times and changes at most 12
// times within any minute. Going down is never held back; what is held back is coming up, and changes between
// healthy and degraded. Invariant: after a change that may be held back there is room for one that may not.
// One verdict's. Source: BGP's route flap damping (RFC 2439) in the small.
#pragma once

#include <array>
#include <cstddef>

#include "runtime/time.h"

namespace weir {

class Damping {
 public:
  /// What it allows: so many downs and changes in any such span.
  static constexpr Duration kSpan = std::chrono::seconds(60);
  static constexpr std::size_t kDowns = 6;
  static constexpr std::size_t kChanges = 2 * kDowns;

  /// Health has changed; `down`: to unhealthy.
  void changed(TimePoint now, bool down) noexcept;
  /// Whether an unhealthy endpoint may be something else from now on.
  bool may_return(TimePoint now) const noexcept;
  /// Whether an endpoint that is up may change without going down.
  bool may_change(TimePoint now) const noexcept;

 private:
  struct Change {
    TimePoint at = TimePoint::min();  // never
    bool down = false;
  };
  std::array<Change, kChanges> last_{};
  std::size_t next_ = 0;
};

}  // namespace weir
