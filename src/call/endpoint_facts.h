// What all shards know of one endpoint: counted and averaged by whoever calls it, judged on its home shard.
// Atomics only, each on its own meaningful: a reader that sees one a moment before another picks a little
// less well, never wrongly. One cache line for what a pick reads. Source: design of state, R5, R6, R50.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "runtime/time.h"

namespace weir {

/// How an endpoint, a server or the whole gateway stands (R10).
enum class Health : std::uint8_t {
  unknown,    // nothing was seen of it yet
  healthy,    // it answers
  degraded,   // it answers, but not well: used, and told of
  unhealthy,  // it gets no calls but trials, and calls in panic
};

/// As /health and the metrics write it.
std::string_view to_string(Health health) noexcept;

/// Time as the facts keep it: nanoseconds of the monotonic clock; 0 is "never".
inline std::int64_t facts_time(TimePoint at) noexcept { return at.time_since_epoch().count(); }

/// The facts of one endpoint.
struct alignas(64) EndpointFacts {
  /// Calls under way: from the pick until the reply has ended, whatever way. Held by `Counted`.
  std::atomic<std::uint32_t> in_flight{0};
  /// How much slower than its server's endpoints usually are, as the base-2 logarithm of the factor: 0 is as
  /// usual, 1 twice as slow. Written by the adaptive strategy only.
  std::atomic<float> slowness{0};
  /// When `slowness` was last fed.
  std::atomic<std::int64_t> sampled_at{0};
  /// Since when it owes an answer without having given any: the latest of the last answer, the moment when
  /// in_flight left 0, and the begin of the call that `due_at` is of. Meaningful while in_flight is not 0.
  std::atomic<std::int64_t> owes_since{0};
  /// When the first answer is overdue that it owes for a call begun since its last one; 0: none is known to
  /// be. Written by the adaptive strategy, which knows how long calls usually take; 0 with each answer.
  std::atomic<std::int64_t> due_at{0};
  /// When it came back after it was unhealthy: its share grows from then on; 0: it never was.
  std::atomic<std::int64_t> returned_at{0};
  /// Calls that it was picked for, ever.
  std::atomic<std::uint64_t> picked{0};
};

}  // namespace weir
