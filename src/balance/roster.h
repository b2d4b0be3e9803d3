// Which endpoints may get calls: health, draining, weight and priority made into one list (R6). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "call/endpoint_facts.h"

namespace weir {

/// How one endpoint stands, for the roster.
struct Standing {
  Health health = Health::unknown;
  bool absent = false;  // nothing is there, for certain: the connection is refused, the child is not running
  bool barred = false;  // nor is it any use to ask it as long as this is so, not even in panic
  bool draining = false;  // finishes what it has, gets nothing new
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
};

struct Roster {
  std::vector<bool> eligible;  // by place
  std::vector<bool> forced;    // by place: in panic, though its health is against it
  std::vector<bool> spare;     // by place: well, but of a priority that is not needed
  bool panic = false;          // too few are healthy: health is not looked at
  bool empty() const noexcept;
};

/// Healthy and degraded endpoints of the first priority; those of the next ones with them while fewer than
/// `panic_threshold` of a priority's endpoints are well. Where no priority has that many, panic: all of all
/// priorities are tried, but those that are absent unless all are, and those that are barred. Endpoints that
/// nothing is known of count as well only where none is known to be. Draining and weightless ones never get
/// anything. Empty only where all are such or barred. With panic_threshold 0 there is no panic: what is well
/// is used, however few; where none is, the roster is empty.
Roster make_roster(std::span<const Standing> endpoints, double panic_threshold);

}  // namespace weir
