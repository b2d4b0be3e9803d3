// The strategies that look at nothing but weights: round_robin and weighted_round_robin go through a fixed
// schedule, random draws. A schedule is worked out once, so that a pick is one step of a shared counter and
// the order holds over all shards together. Any shard. Source: R5; nginx's smooth weighted round robin.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "balance/draw_table.h"
#include "balance/field.h"
#include "balance/picker.h"

namespace weir {

/// Round robin, of weights or not.
class Rotation final : public Picker {
 public:
  /// `before`: whose place in the rotation is taken over; null: none.
  Rotation(Field field, bool weighted, const Rotation* before);

  std::size_t pick(const PickQuery& query, Random& random) noexcept override;

 private:
  std::uint64_t place_after(const Rotation& before) const;

  const Field field_;
  const bool weighted_;
  const std::vector<std::uint32_t> schedule_;  // indices of members
  alignas(64) std::atomic<std::uint64_t> next_{0};
};

/// Chance alone, by weight.
class RandomChoice final : public Picker {
 public:
  explicit RandomChoice(Field field) : field_(std::move(field)), table_(field_.members()) {}

  std::size_t pick(const PickQuery& query, Random& random) noexcept override;

 private:
  const Field field_;
  const DrawTable table_;
};

/// An order of members (by index) in which each comes as often as its weight says and as evenly spread as
/// can be. Where the weights' sum is above 4096, they are scaled down to that: a share is off by less than
/// 0.5 % of all, and none is 0.
std::vector<std::uint32_t> smooth_schedule(const std::vector<Member>& members);

}  // namespace weir
