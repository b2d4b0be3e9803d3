// least_connections: the endpoint with the fewest calls under way for its weight. Up to eight are all
// compared; of more, the better of two that are drawn, which is nearly as even and reads two endpoints
// instead of all. Equals are drawn from, so that idle endpoints share by weight and shards that look at the
// same moment do not all choose the same one. Any shard. Source: R5; Mitzenmacher, "The power of two choices
// in randomized load balancing"; Envoy's least request.
#pragma once

#include "balance/draw_table.h"
#include "balance/field.h"
#include "balance/picker.h"

namespace weir {

/// The least_connections strategy.
class LeastConnections final : public Picker {
 public:
  explicit LeastConnections(Field field) : field_(std::move(field)), table_(field_.members()) {}

  std::size_t pick(const PickQuery& query, Random& random) noexcept override;

 private:
  std::size_t pick_of_all(const PickQuery& query, Random& random) const noexcept;
  std::size_t pick_of_two(const PickQuery& query, Random& random) const noexcept;
  const Member& draw(const PickQuery& query, Random& random) const noexcept;

  const Field field_;
  const DrawTable table_;
};

}  // namespace weir
