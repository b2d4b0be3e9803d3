// The policies around one server's endpoints, put together: the order of layers is decided here and nowhere
// else. A policy that is off is not there.
#pragma once

#include <memory>

#include "call/service.h"
#include "config/config.h"
#include "resilience/policies.h"

namespace weir {

class Upstream;

/// The stack of a server; `upstream` and `policies` outlive it. Outermost: what answers for the whole call;
/// innermost: who chooses the endpoint of one attempt. Immutable; any shard calls it.
std::shared_ptr<Stack> make_stack(const ServerConfig& config, Upstream& upstream, ServerPolicies& policies);

/// True if both make the same stack.
bool same_policies(const ServerConfig& a, const ServerConfig& b);

}  // namespace weir
