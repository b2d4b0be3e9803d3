#include "health/ejection_quota.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

constexpr std::uint64_t kEjected = 1;
constexpr std::uint64_t kRuledOut = std::uint64_t{1} << 21;
constexpr std::uint64_t kLost = std::uint64_t{1} << 42;
constexpr std::uint64_t kCount = kRuledOut - 1;

constexpr std::uint64_t total(std::uint64_t out) noexcept {
  return (out & kCount) + (out / kRuledOut & kCount) + out / kLost;
}

}  // namespace

void EjectionQuota::set(std::size_t endpoints, double max_ejected) noexcept {
  // A share such as 0.29 of 100 must not lose one to how doubles are written.
  const double share = std::floor(static_cast<double>(endpoints) * std::clamp(max_ejected, 0.0, 1.0) + 1e-9);
  const std::uint64_t most =
      endpoints < 2 ? 0 : std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share));
  limits_.store(most << 32 | endpoints, std::memory_order_relaxed);
}

bool EjectionQuota::eject() noexcept { return take(kEjected, true); }

bool EjectionQuota::rule_out() noexcept { return take(kRuledOut, false); }

bool EjectionQuota::take(std::uint64_t one, bool calls) noexcept {
  const std::uint64_t limits = limits_.load(std::memory_order_relaxed);
  const std::uint64_t endpoints = limits & 0xffffffff;
  const std::uint64_t most = limits >> 32;
  std::uint64_t out = out_.load(std::memory_order_relaxed);
  do {
    const bool last = total(out) + 1 >= endpoints;
    if (last && !(calls && most > 0 && most >= endpoints)) return false;
    if (calls && (out & kCount) >= most) return false;
  } while (!out_.compare_exchange_weak(out, out + one, std::memory_order_relaxed));
  return true;
}

void EjectionQuota::restore() noexcept { out_.fetch_sub(kEjected, std::memory_order_relaxed); }

void EjectionQuota::rule_in() noexcept { out_.fetch_sub(kRuledOut, std::memory_order_relaxed); }

void EjectionQuota::lost() noexcept { out_.fetch_add(kLost, std::memory_order_relaxed); }

void EjectionQuota::found() noexcept { out_.fetch_sub(kLost, std::memory_order_relaxed); }

std::size_t EjectionQuota::out() const noexcept { return total(out_.load(std::memory_order_relaxed)); }

}  // namespace weir
