// What would become of a call to a tool now: where its name leads, who may get it and why the others do not,
// whether it may be run twice, through which policies it goes and where their values come from.
#pragma once

#include <string>

#include "gateway/plan.h"

namespace weir {

/// Appends one JSON object; the HTTP status to answer with: 200, 400 without a name, or 404 with what is
/// meant perhaps as `candidates`. A server's list that was never seen is not asked for.
int explain(const Plan& plan, const std::string& tool, std::string& out);

}  // namespace weir
