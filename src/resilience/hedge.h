// Asks a second endpoint beside the first when an answer is late: after a configured time or percentile
// (hedging, off until written), or when a call has waited far longer than its kind ever does (patience), so
// that an endpoint that hangs costs a fraction of a deadline. Whichever answers first wins; the other one is
// given up and its server told. Only calls that may be run twice, each to another endpoint, each beyond the
// first within a budget. Source: R15; Dean and Barroso, "The Tail at Scale" (2013); resilience design
// sections 1 and 2.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "call/service.h"
#include "config/config.h"
#include "resilience/budget.h"
#include "resilience/policies.h"

namespace weir {

class Hedge final : public Service {
 public:
  /// When the second one goes out, and what pays for it.
  struct Options {
    HedgeConfig config;                                 // enabled or not
    std::optional<std::chrono::milliseconds> patience;  // nothing: by how long calls take
    std::shared_ptr<Budget> hedges;                     // of hedging; null without
    std::shared_ptr<Budget> retries;                    // of all repeats
  };
  /// `policies` outlives it.
  Hedge(std::unique_ptr<Service> next, Options options, ServerPolicies& policies);
  Task<Result<Reply>> call(Call& call) override;
  std::string describe() const override;

 private:
  struct Shot;
  struct Race;
  Task<Result<Reply>> watch(Call& call);
  Task<Result<Reply>> race(Call& call, std::unique_ptr<Shot> first, std::uint64_t kind, TimePoint begun,
                           bool hedged);
  Task<void> read_first(Race& race);
  Task<void> run_second(Race& race);
  Result<Reply> settle(Race& race);
  bool pay(bool hedged, TimePoint now);

  const std::unique_ptr<Service> next_;
  const Options options_;
  ServerPolicies& policies_;
};

}  // namespace weir
