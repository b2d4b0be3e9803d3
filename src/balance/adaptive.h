// adaptive_latency: calls go where they are answered soonest. Tools of one server differ by orders of
// magnitude, so a sample is how much longer a call took than its kind usually does; each endpoint's slowness
// follows its samples. The choice is by chance, the likelier the less there is to expect (slowness times
// calls under way, squared): shards that see the same facts do not all run to one endpoint. An endpoint that
// owes an answer for too long counts as slow before it is heard of; one that was not heard of for a while is
// tried. Any shard. Source: R5; after Finagle's peak EWMA, whose samples are raw and whose choice is
// certain.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "balance/baselines.h"
#include "balance/draw_table.h"
#include "balance/field.h"
#include "balance/picker.h"

namespace weir {

/// The adaptive_latency strategy.
class Adaptive final : public Picker {
 public:
  /// `window`: what is looked back on.
  Adaptive(Field field, Duration window);

  std::size_t pick(const PickQuery& query, Random& random) noexcept override;
  void note(std::size_t place, std::uint64_t kind, Duration took, bool failed,
            TimePoint now) noexcept override;
  void outrun(std::size_t place, std::uint64_t kind, Duration took, TimePoint now) noexcept override;

 private:
  static constexpr std::size_t kCompared = 4;  // endpoints, for one pick

  const Member& choose(TimePoint now, Random& random) const noexcept;
  float weigh_down(const std::array<const Member*, kCompared>& drawn,
                   const std::array<std::uint32_t, kCompared>& in_flight, std::size_t count,
                   std::array<float, kCompared>& worth) const noexcept;
  const Member* longest_unheard(TimePoint now) const noexcept;
  void sample(EndpointFacts& facts, float length, const Baseline& known, bool failed,
              TimePoint now) const noexcept;
  void owe(EndpointFacts& facts, std::uint64_t kind, TimePoint now) const noexcept;

  const Field field_;
  const DrawTable table_;
  const float time_constant_;  // of slowness, in nanoseconds
  float unit_weight_ = 1;      // the mean of the members' weights
  bool weighted_ = false;      // they differ
};

}  // namespace weir
