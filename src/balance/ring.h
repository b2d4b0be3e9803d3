// consistent_hash: a call goes to the endpoint whose point on the ring is next to its key. Who gets no calls
// now is walked past: its keys go to those that follow it, all others stay, and they come back when it does.
// With a bounded load an endpoint that has too much under way is passed over likewise, call by call. Any
// shard. Source: R5; Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads"; HAProxy's
// hash-balance-factor.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "balance/field.h"
#include "balance/picker.h"
#include "balance/ring_points.h"

namespace weir {

/// The consistent_hash strategy.
class Ring final : public Picker {
 public:
  /// `bounded_load`: see LoadBalancingConfig. `before`: whose points are taken over if they are the same.
  Ring(Field field, std::size_t virtual_nodes, double bounded_load, const Ring* before);

  std::size_t pick(const PickQuery& query, Random& random) noexcept override;

 private:
  bool has_room(const Candidate& candidate, std::uint64_t in_flight) const noexcept;
  std::uint64_t most_in_flight(const Candidate& candidate, std::uint64_t total) const noexcept;
  std::size_t next_with_room(std::size_t point) const noexcept;

  const Field field_;
  const std::shared_ptr<const RingPoints> points_;
  std::vector<std::uint32_t> takers_;  // by point: the first eligible owner from there on; empty: the owners
  const double bounded_load_;
  double weights_ = 0;  // of the eligible
};

}  // namespace weir
