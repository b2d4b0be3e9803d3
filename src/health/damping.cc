#include "health/damping.h"

#include <algorithm>

namespace weir {

void Damping::changed(TimePoint now, bool down) noexcept {
  last_[next_] = {now, down};
  next_ = (next_ + 1) % last_.size();
}

bool Damping::may_return(TimePoint now) const noexcept {
  const auto downs = std::count_if(last_.begin(), last_.end(), [&](const Change& change) {
    return change.down && change.at > now - kSpan;
  });
  return static_cast<std::size_t>(downs) < kDowns && may_change(now);
}

bool Damping::may_change(TimePoint now) const noexcept {
  const auto recent = std::count_if(last_.begin(), last_.end(),
                                    [&](const Change& change) { return change.at > now - kSpan; });
  return static_cast<std::size_t>(recent) + 2 <= kChanges;
}

}  // namespace weir
