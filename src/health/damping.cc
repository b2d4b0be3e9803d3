#include "health/damping.h"

#include <algorithm>

namespace weir {

void Damping::changed(TimePoint now) noexcept {
  last_[next_] = now;
  next_ = (next_ + 1) % last_.size();
}

bool Damping::may_change(TimePoint now) const noexcept {
  const auto recent =
      std::count_if(last_.begin(), last_.end(), [&](TimePoint at) { return at > now - kSpan; });
  return static_cast<std::size_t>(recent) + 2 <= kChanges;
}

}  // namespace weir
