#include "health/damping.h"

#include <algorithm>

namespace weir {

void Damping::changed(TimePoint now, bool down) noexcept {
  last_[next_].at = now;
  last_[next_].down = down;
  next_ = (next_ + 1) % last_.size();
}

bool Damping::may_change(TimePoint now, bool down) const noexcept {
  std::size_t recent = 0;
  std::size_t downs = 0;
  TimePoint last_down = TimePoint::min();
  for (const Change& change : last_) {
    if (change.at <= now - kSpan) continue;
    ++recent;
    if (!change.down) continue;
    ++downs;
    last_down = std::max(last_down, change.at);
  }
  if (recent + 2 > kChanges) return false;
  return !down || downs == 0 || now - last_down >= kHolds[std::min(downs, kHolds.size()) - 1];
}

}  // namespace weir
