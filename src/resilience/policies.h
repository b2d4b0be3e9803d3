// What the policies of one server share among shards, and what they have counted: for metrics, the dashboard
// and /explain. Lives as long as the server; a reload that changes a policy keeps the counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/random.h"
#include "call/call.h"
#include "resilience/admission.h"
#include "resilience/latencies.h"
#include "resilience/restraint.h"

namespace weir {

/// What became of repeated calls.
enum class RetryOutcome : std::uint8_t {
  ok,      // the last attempt was answered
  failed,  // it failed as well
  budget,  // there was no budget for another attempt
  count_
};
/// The metric's label.
std::string_view to_string(RetryOutcome outcome) noexcept;

/// What became of second requests beside the first.
enum class HedgeOutcome : std::uint8_t {
  won,     // its answer was the first
  lost,    // the first request's was
  failed,  // it failed, whatever became of the first
  budget,  // there was no budget for one
  count_
};
/// The metric's label.
std::string_view to_string(HedgeOutcome outcome) noexcept;

/// One count for each value of an enumeration that ends with `count_`. Any shard.
template <class Outcome>
class OutcomeCounts {
 public:
  /// Counts one.
  void add(Outcome outcome) noexcept {
    counts_[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  }
  /// How many there were.
  std::uint64_t get(Outcome outcome) const noexcept {
    return counts_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> counts_[static_cast<std::size_t>(Outcome::count_)]{};
};

/// Counted over the server's life; any shard.
struct PolicyCounts {
  OutcomeCounts<RetryOutcome> retries;
  OutcomeCounts<HedgeOutcome> hedges;
  std::atomic<std::uint64_t> shed{0};              // by a rule of degradation
  std::atomic<std::uint64_t> key_limit{0};         // too many under idempotency keys
  std::atomic<std::uint64_t> fallbacks{0};         // that stood in
  std::atomic<std::uint64_t> fallbacks_failed{0};  // that could not, either
  OutcomeCounts<Refused> refusals;
};

/// Whoever picks the endpoints of a server, as layers before it see it.
class EndpointChoice {
 public:
  virtual ~EndpointChoice() = default;
  /// True if the call is bound to no endpoint, and there is another one than those in call.tried that may get
  /// it now. Any shard.
  virtual bool has_another(const Call& call) const = 0;
  /// The current shard's.
  virtual Random& chance() = 0;
};

/// What a server's layers share.
struct ServerPolicies {
  explicit ServerPolicies(EndpointChoice& endpoints) : choice(endpoints) {}
  EndpointChoice& choice;
  PolicyCounts counts;
  Latencies latencies;
  SharedRestraint restraint;
  Admission admission;
};

}  // namespace weir
