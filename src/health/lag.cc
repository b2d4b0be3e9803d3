#include "health/lag.h"

#include <algorithm>

namespace weir {

void Lag::note(TimePoint due, TimePoint now) noexcept {
  if (now - due > kTolerated) last_ = std::max(last_, now);
}

bool Lag::lagged_since(TimePoint begin) const noexcept { return last_ >= begin; }

}  // namespace weir
