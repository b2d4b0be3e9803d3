// Whether evidence is void because our own loop lagged: what looks like a slow endpoint is then a slow
// gateway (R11: no false alarms on a loaded machine). Fed with the lateness of the shard's own wake-ups. One
// shard's.
#pragma once

#include "runtime/time.h"

namespace weir {

class Lag {
 public:
  /// Lateness above this voids evidence.
  static constexpr Duration kTolerated = std::chrono::milliseconds(50);

  /// A wake-up that was due at `due` came at `now`.
  void note(TimePoint due, TimePoint now) noexcept;
  /// Whether the loop lagged at some moment from `begin` on: a wake-up at or after it was too late.
  bool lagged_since(TimePoint begin) const noexcept;

 private:
  TimePoint last_ = TimePoint::min();  // the latest wake-up that was too late
};

}  // namespace weir
