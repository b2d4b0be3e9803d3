// What calls have in common, for whoever picks an endpoint.
#pragma once

#include <cstdint>

#include "call/call.h"
#include "config/config.h"

namespace weir {

/// What goes to the same endpoint with consistent_hash, by its hash_key; 0 with other strategies. A client is
/// whom shares are counted by, and an old session besides; arguments are taken with their tool, as they were
/// written; who sends no such header is told apart as a client.
std::uint64_t hash_key_of(const Call& call, const LoadBalancingConfig& config);

}  // namespace weir
