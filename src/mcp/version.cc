#include "mcp/version.h"

namespace weir {

std::optional<Revision> parse_revision(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kRevisions.size(); ++i)
    if (kRevisions[i] == text) return static_cast<Revision>(i);
  return std::nullopt;
}

Revision negotiate_old(std::string_view wanted) noexcept {
  const std::optional<Revision> known = parse_revision(wanted);
  return known && !is_new(*known) ? *known : kNewestOld;
}

ProbeVerdict classify_probe(int status, bool answered, int code) noexcept {
  if (answered) return ProbeVerdict::modern;
  if (status == 401 || status == 403) return ProbeVerdict::needs_auth;
  if (status == 429 || status >= 500) return ProbeVerdict::no_statement;
  if (code == kHeaderMismatch || code == kMissingCapability || code == kUnsupportedVersion)
    return ProbeVerdict::modern;
  return ProbeVerdict::legacy;
}

}  // namespace weir
