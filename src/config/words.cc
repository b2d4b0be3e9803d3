#include "config/words.h"

namespace weir {

std::string_view to_string(LoadBalancingConfig::Strategy strategy) noexcept {
  using Strategy = LoadBalancingConfig::Strategy;
  switch (strategy) {
    case Strategy::round_robin:
      return "round_robin";
    case Strategy::weighted_round_robin:
      return "weighted_round_robin";
    case Strategy::least_connections:
      return "least_connections";
    case Strategy::consistent_hash:
      return "consistent_hash";
    case Strategy::adaptive_latency:
      return "adaptive_latency";
    case Strategy::random:
      return "random";
  }
  return {};
}

std::string_view to_string(DegradationRule::When when) noexcept {
  using When = DegradationRule::When;
  switch (when) {
    case When::server_degraded:
      return "server_degraded";
    case When::server_unhealthy:
      return "server_unhealthy";
    case When::gateway_degraded:
      return "gateway_degraded";
    case When::gateway_unhealthy:
      return "gateway_unhealthy";
  }
  return {};
}

}  // namespace weir
