#include "balance/field.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace weir {

std::uint32_t common_divisor(const std::vector<Candidate>& candidates, bool eligible_only) {
  std::uint32_t divisor = 0;
  for (const Candidate& candidate : candidates)
    if (candidate.eligible || !eligible_only) divisor = std::gcd(divisor, std::max(candidate.weight, 1u));
  return std::max(divisor, 1u);
}

Field::Field(std::vector<Candidate> candidates, std::chrono::milliseconds slow_start)
    : candidates_(std::move(candidates)), slow_start_(std::chrono::nanoseconds(slow_start).count()) {
  const std::uint32_t divisor = common_divisor(candidates_, true);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (!candidate.eligible) continue;
    members_.push_back(
        {candidate.facts, static_cast<std::uint32_t>(i), std::max(candidate.weight, 1u) / divisor});
  }
  WEIR_CHECK(!members_.empty());
}

double Field::share_after(std::int64_t elapsed) const noexcept {
  constexpr double kLeast = 0.1;
  const double part = static_cast<double>(elapsed) / static_cast<double>(slow_start_);
  return std::clamp(kLeast + (1 - kLeast) * part, kLeast, 1.0);
}

}  // namespace weir
