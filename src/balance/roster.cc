#include "balance/roster.h"

#include <algorithm>
#include <map>

namespace weir {
namespace {

bool usable(const Standing& endpoint) noexcept { return !endpoint.draining && endpoint.weight > 0; }

bool known_well(const Standing& endpoint) noexcept {
  return endpoint.health == Health::healthy || endpoint.health == Health::degraded;
}

/// How many of one priority there are to choose from, and how many of those are well.
struct Tally {
  std::size_t usable = 0;
  std::size_t well = 0;
};

bool enough(const Tally& tally, double threshold) noexcept {
  // The slack keeps 3 of 10 from being less than 0.3 of them.
  return tally.well > 0 &&
         static_cast<double>(tally.well) + 1e-9 >= threshold * static_cast<double>(tally.usable);
}

}  // namespace

bool Roster::empty() const noexcept {
  return std::find(eligible.begin(), eligible.end(), true) == eligible.end();
}

Roster make_roster(std::span<const Standing> endpoints, double panic_threshold) {
  const bool any_known = std::any_of(endpoints.begin(), endpoints.end(),
                                     [](const Standing& e) { return usable(e) && known_well(e); });
  const auto well = [any_known](const Standing& endpoint) {
    return known_well(endpoint) || (!any_known && endpoint.health == Health::unknown && !endpoint.absent);
  };
  std::map<std::uint32_t, Tally> priorities;
  bool any_present = false;
  for (const Standing& endpoint : endpoints) {
    if (!usable(endpoint)) continue;
    any_present = any_present || !(endpoint.absent || endpoint.barred);
    Tally& tally = priorities[endpoint.priority];
    ++tally.usable;
    if (well(endpoint)) ++tally.well;
  }
  const auto stop = std::find_if(priorities.begin(), priorities.end(), [panic_threshold](const auto& entry) {
    return enough(entry.second, panic_threshold);
  });

  Roster roster;
  roster.eligible.resize(endpoints.size());
  roster.forced.resize(endpoints.size());
  roster.spare.resize(endpoints.size());
  roster.panic = !priorities.empty() && stop == priorities.end() && panic_threshold > 0;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Standing& endpoint = endpoints[i];
    if (!usable(endpoint)) continue;
    if (roster.panic) {
      roster.eligible[i] = !endpoint.barred && (!endpoint.absent || !any_present);
      roster.forced[i] = roster.eligible[i] && endpoint.health == Health::unhealthy;
    } else {
      roster.eligible[i] = well(endpoint) && stop != priorities.end() && endpoint.priority <= stop->first;
      roster.spare[i] = well(endpoint) && !roster.eligible[i];
    }
  }
  return roster;
}

}  // namespace weir
