#include "resilience/budget.h"

namespace weir {
namespace {

constexpr Duration kSpan = std::chrono::seconds(10);

}  // namespace

Budget::Budget(double share, std::size_t reserve) noexcept
    : share_(share),
      reserve_(static_cast<double>(reserve) * static_cast<double>(kSpan / std::chrono::seconds(1))),
      calls_(kSpan),
      spent_(kSpan) {}

double Budget::left(TimePoint now) const noexcept {
  return share_ * calls_.sum(now) + reserve_ - spent_.sum(now);
}

bool Budget::withdraw(TimePoint now) noexcept {
  // A part of one is none.
  if (left(now) < 1) return false;
  spent_.add(now);
  return true;
}

}  // namespace weir
