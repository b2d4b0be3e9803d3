// What the policies of a server leave out while it, or the gateway, is not well. Source: R19.
#pragma once

#include <atomic>
#include <cstdint>

#include "call/call.h"
#include "config/config.h"

namespace weir {

/// One byte, so that calls read it without a lock.
class Restraint {
 public:
  Restraint() = default;
  explicit Restraint(std::uint8_t bits) noexcept : bits_(bits) {}
  /// What this rule leaves out as well.
  void add(const DegradationRule& rule) noexcept {
    if (!rule.hedge) bits_ |= kNoHedge;
    if (!rule.retry) bits_ |= kNoRetry;
    if (rule.shed != DegradationRule::Shed::none) bits_ |= kShedLow;
    if (rule.shed == DegradationRule::Shed::normal) bits_ |= kShedNormal;
  }
  bool hedges() const noexcept { return (bits_ & kNoHedge) == 0; }
  bool retries() const noexcept { return (bits_ & kNoRetry) == 0; }
  bool sheds(Priority priority) const noexcept {
    return (priority == Priority::low && (bits_ & kShedLow) != 0) ||
           (priority == Priority::normal && (bits_ & kShedNormal) != 0);
  }
  std::uint8_t bits() const noexcept { return bits_; }

 private:
  static constexpr std::uint8_t kNoHedge = 1, kNoRetry = 2, kShedLow = 4, kShedNormal = 8;
  std::uint8_t bits_ = 0;
};

/// A server's, shared by all shards.
class SharedRestraint {
 public:
  /// What calls that come from now on see.
  void set(Restraint restraint) noexcept { bits_.store(restraint.bits(), std::memory_order_relaxed); }
  /// As it is now.
  Restraint get() const noexcept { return Restraint(bits_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::uint8_t> bits_{0};
};

}  // namespace weir
