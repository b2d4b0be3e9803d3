// Endpoints for tests of pickers: their facts, a picker over them and one seed for all chance.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "balance/calls.h"
#include "balance/picker.h"

namespace weir {

struct Crowd {
  explicit Crowd(std::size_t size, std::vector<std::uint32_t> weights = {}, std::uint64_t seed = 1)
      : random(seed), facts(std::make_unique<std::array<EndpointFacts, 100>>()) {
    for (std::size_t i = 0; i < size; ++i)
      candidates.push_back({&(*facts)[i], "http://10.0.0." + std::to_string(i) + ":8080/mcp",
                            i < weights.size() ? weights[i] : 1, true});
  }

  /// Makes the picker of `strategy` anew, from the one that is there.
  void remake(LoadBalancingConfig::Strategy strategy) {
    config.strategy = strategy;
    picker = make_picker(config, candidates, picker);
  }
  std::size_t pick(std::uint64_t key = 0) { return picker->pick({now, key, 0}, random); }
  /// How often each is picked in `times`, with nothing under way; by place.
  std::vector<double> shares(std::size_t times) {
    std::vector<double> counts(candidates.size());
    for (std::size_t i = 0; i < times; ++i) counts[pick(random.next())] += 1;
    for (double& count : counts) count /= static_cast<double>(times);
    return counts;
  }
  EndpointFacts& at(std::size_t i) { return (*facts)[i]; }

  Random random;
  std::unique_ptr<std::array<EndpointFacts, 100>> facts;
  LoadBalancingConfig config;
  std::vector<Candidate> candidates;
  std::shared_ptr<Picker> picker;
  TimePoint now{std::chrono::hours(1)};
};

inline constexpr LoadBalancingConfig::Strategy kStrategies[] = {
    LoadBalancingConfig::Strategy::round_robin,       LoadBalancingConfig::Strategy::weighted_round_robin,
    LoadBalancingConfig::Strategy::least_connections, LoadBalancingConfig::Strategy::consistent_hash,
    LoadBalancingConfig::Strategy::adaptive_latency,  LoadBalancingConfig::Strategy::random};

}  // namespace weir
