#include "transport/restart_pause.h"

#include <algorithm>
#include <utility>

namespace weir {

RestartPause::Duration RestartPause::died(TimePoint now, double chance) noexcept {
  if (up_ && now - up_since_ >= options_.well_after) step_ = options_.first;
  up_ = false;
  const Duration step = step_;
  step_ = step > options_.max / 2 ? options_.max : step * 2;
  // Only half is left to chance: enough to part servers that died together, never so little that a pause is
  // none.
  const double share = 0.5 + 0.5 * std::clamp(chance, 0.0, 1.0);
  return std::chrono::duration_cast<Duration>(step * share);
}

ReopenPause::Duration ReopenPause::lost(TimePoint now, double chance) noexcept {
  const bool soon = now - since_ < kWell;
  const bool again = std::exchange(soon_, soon) && soon;
  if (!soon) pause_ = RestartPause();
  return again ? pause_.died(now, chance) : Duration::zero();
}

}  // namespace weir
