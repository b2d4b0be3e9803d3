// POST /approve: what the tools of one server, or of all that have pins, are now becomes what was approved.
#pragma once

#include <optional>
#include <string>

#include "gateway/gateway.h"

namespace weir {

/// Approves, or with `dry` only tells what would be. Appends one JSON object; the HTTP status to answer with:
/// 200, also where `ok` is false for some server; 404 for a server that is not there, 409 without pins,
/// 400 for a `digest` (empty: none) without a server; with one only what a dry run gave it of is approved.
/// The control shard.
Task<int> approve(Gateway& gateway, const Plan& plan, std::optional<std::string> server, bool dry,
                  const std::string& digest, std::string& out);

}  // namespace weir
