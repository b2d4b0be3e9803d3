// Which of a server's endpoints may get a call now, and why the others do not.
#pragma once

#include <string>

#include "gateway/upstream.h"

namespace weir {

/// Appends the members `panic` and `endpoints` of the answer. A shard's.
void append_chances(std::string& out, const EndpointSet& set);

}  // namespace weir
