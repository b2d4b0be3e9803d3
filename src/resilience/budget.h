// How many more calls than clients have made a server may get: a share of what it got lately, and so many a
// second besides, so that few calls can be repeated, too. Exact over ten seconds; shared by all shards.
// Source: R13, R15; Finagle's RetryBudget.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "call/sliding_count.h"

namespace weir {

class Budget {
 public:
  /// `share`: of the calls. `reserve`: a second, whatever the calls.
  Budget(double share, std::size_t reserve) noexcept;

  /// A client's call has come. Any shard.
  void deposit(TimePoint now) noexcept { calls_.add(now); }
  /// Leave for one more than that; false: there were enough. Shards that ask at the same moment may get one
  /// each too many. Any shard.
  bool withdraw(TimePoint now) noexcept;
  /// What is left of it. Any shard.
  double left(TimePoint now) const noexcept;

 private:
  const double share_;
  const double reserve_;  // in the span
  SlidingCount calls_;
  SlidingCount spent_;
};

}  // namespace weir
