// The endpoints that a strategy chooses among: the eligible candidates in one dense row, their weights in
// lowest terms, and how much of its share one gets that has just come back (slow start). Immutable; any
// shard. Source: R6; HAProxy's slowstart (linear, only after a host was down).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "balance/picker.h"

namespace weir {

/// One eligible candidate.
struct Member {
  EndpointFacts* facts;
  std::uint32_t place;   // among all candidates
  std::uint32_t weight;  // at least 1; over those of all members there is no common divisor
};

class Field {
 public:
  Field(std::vector<Candidate> candidates, std::chrono::milliseconds slow_start);

  /// All, the others too.
  const std::vector<Candidate>& candidates() const noexcept { return candidates_; }
  /// The eligible ones, in the candidates' order. Never empty.
  const std::vector<Member>& members() const noexcept { return members_; }
  /// What part of its usual share an endpoint gets now, of [0.1, 1].
  double share(const EndpointFacts& facts, TimePoint now) const noexcept {
    if (slow_start_ == 0) return 1;
    const std::int64_t returned = facts.returned_at.load(std::memory_order_relaxed);
    return returned == 0 ? 1 : share_after(facts_time(now) - returned);
  }
  /// False for as many of an endpoint's picks as slow start takes from it: another is to be picked instead.
  bool admits(const EndpointFacts& facts, TimePoint now, Random& random) const noexcept {
    const double part = share(facts, now);
    return part >= 1 || random.unit() < part;
  }

 private:
  double share_after(std::int64_t elapsed) const noexcept;

  std::vector<Candidate> candidates_;
  std::vector<Member> members_;
  std::int64_t slow_start_;  // nanoseconds; 0: off
};

/// How often a strategy draws another endpoint for one that slow start holds back. Then the last one drawn
/// gets the call: all may have come back together.
inline constexpr int kSlowStartDraws = 8;

/// The greatest divisor of all weights; a weight of 0 counts as 1.
std::uint32_t common_divisor(const std::vector<Candidate>& candidates, bool eligible_only);

}  // namespace weir
