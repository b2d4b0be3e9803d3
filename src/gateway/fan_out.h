// What asking every server at once has in common, whatever is asked: how long each may take, and what the
// answer says of those that did not come in time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/lists.h"
#include "mcp/merge.h"
#include "runtime/shard.h"

namespace weir {

/// What an answer lacks, and what it has from an earlier time.
struct Lacking {
  std::vector<MissingServer> missing;
  std::vector<StaleServer> stale;
  /// True if all of it is of now.
  bool nothing() const noexcept { return missing.empty() && stale.empty(); }
};

/// What this server may take for its part. One that is still starting has longer, unless something is known
/// that can stand in.
TimePoint patience(const Plan& plan, std::size_t server, bool known);
/// True if what is known may stand in for an answer that failed so: it is the server that is not there.
bool is_away(const Error& error) noexcept;
/// The whole JSON-RPC response.
std::string respond(const ClientCall& call, std::string_view result);

/// A `Part` for each server that is meant, with its place in `server`.
template <class Part>
std::vector<Part> parts_of(const ClientCall& call) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < call.plan.servers.size(); ++i) {
    if (call.only != Plan::kAll && call.only != i) continue;
    parts.emplace_back();
    parts.back().server = i;
  }
  return parts;
}

/// True if the server's part failed and what is kept of it takes its place.
template <class Part>
bool stands_in(const Part& part) noexcept {
  return !*part.outcome && part.kept && is_away(part.outcome->error());
}

/// What the answer lacks. Errors: the first one's, when nothing is left.
template <class Part>
Result<Lacking> lacking_of(const ClientCall& call, const std::vector<Part>& parts) {
  Lacking lacking;
  const Error* first = nullptr;
  for (const Part& part : parts) {
    if (*part.outcome) continue;
    const Error& error = part.outcome->error();
    const std::string& name = call.plan.servers[part.server]->name();
    std::string reason(to_string(error.kind()));
    if (stands_in(part)) {
      lacking.stale.push_back(
          {name, age_text(part.kept.seen, Shard::current().wall_now()), std::move(reason)});
      continue;
    }
    if (first == nullptr) first = &error;
    lacking.missing.push_back({name, std::move(reason)});
  }
  if (first != nullptr && lacking.missing.size() == parts.size()) return fail(*first);
  return lacking;
}

}  // namespace weir
