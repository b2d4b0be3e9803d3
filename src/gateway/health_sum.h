// How a whole stands, from how its parts do: endpoints of a server, servers of the gateway (R10).
#pragma once

#include <cstddef>

#include "call/endpoint_facts.h"

namespace weir {

class HealthSum {
 public:
  /// One more part.
  void add(Health health) noexcept {
    ++all_;
    healthy_ += health == Health::healthy ? 1U : 0U;
    well_ += health == Health::healthy || health == Health::degraded ? 1U : 0U;
    unknown_ += health == Health::unknown ? 1U : 0U;
  }
  /// Healthy if all are, degraded while any is well.
  Health health() const noexcept {
    if (healthy_ == all_) return Health::healthy;
    if (well_ != 0) return Health::degraded;
    return unknown_ != 0 ? Health::unknown : Health::unhealthy;
  }

 private:
  std::size_t all_ = 0;
  std::size_t healthy_ = 0;
  std::size_t well_ = 0;
  std::size_t unknown_ = 0;
};

}  // namespace weir
