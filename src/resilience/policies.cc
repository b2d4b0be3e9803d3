#include "resilience/policies.h"

namespace weir {

std::string_view to_string(RetryOutcome outcome) noexcept {
  switch (outcome) {
    case RetryOutcome::ok:
      return "ok";
    case RetryOutcome::failed:
      return "failed";
    case RetryOutcome::budget:
      return "budget";
    case RetryOutcome::count_:
      break;
  }
  return "unknown";
}

std::string_view to_string(HedgeOutcome outcome) noexcept {
  switch (outcome) {
    case HedgeOutcome::won:
      return "won";
    case HedgeOutcome::lost:
      return "lost";
    case HedgeOutcome::failed:
      return "failed";
    case HedgeOutcome::budget:
      return "budget";
    case HedgeOutcome::count_:
      break;
  }
  return "unknown";
}

}  // namespace weir
