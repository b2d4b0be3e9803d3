// What was counted so far, by server: read from the metrics, so that what is shown here and what is scraped
// agree.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "admin/rates.h"
#include "obs/metrics.h"

namespace weir {

/// By name of server; under the empty name the process as a whole. Series of no server count there alone.
using Tallies = std::unordered_map<std::string, Tally>;

/// Reads them. `read`: the families that are read when scraped.
Tallies read_tallies(const Metrics& metrics, const std::vector<ReadFamily>& read);
/// The rules of degradation that act, a JSON list: [{"rule": NAME, "server": NAME or "" for all}].
std::string acting_rules(const std::vector<ReadFamily>& read);

}  // namespace weir
