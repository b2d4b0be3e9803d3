// Revisions of MCP, the two eras, and what a server's answer to a first question says about its era.
// Source: MCP 2026-07-28 basic/versioning, "Backward Compatibility with Initialization-Based Versions".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

/// Revisions of MCP, the oldest first.
enum class Revision : std::uint8_t { v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25, v2026_07_28 };

/// Their dates as the protocol writes them, by revision.
inline constexpr std::array<std::string_view, 5> kRevisions = {"2024-11-05", "2025-03-26", "2025-06-18",
                                                               "2025-11-25", "2026-07-28"};
/// The newest revision with sessions: offered to upstreams and to clients that name one we do not know.
inline constexpr Revision kNewestOld = Revision::v2025_11_25;

/// The date of a revision.
inline std::string_view to_string(Revision revision) noexcept {
  return kRevisions[static_cast<std::size_t>(revision)];
}
/// Nothing for a revision that Weir does not speak.
std::optional<Revision> parse_revision(std::string_view text) noexcept;
/// The stateless era: no initialize, no sessions, `_meta` on every request.
inline bool is_new(Revision revision) noexcept { return revision == Revision::v2026_07_28; }
/// What initialize is answered with: the wanted revision where it has sessions and is known, else the newest
/// such.
Revision negotiate_old(std::string_view wanted) noexcept;

/// `_meta` members of a request of the new era.
inline constexpr std::string_view kMetaVersion = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kMetaClientInfo = "io.modelcontextprotocol/clientInfo";
inline constexpr std::string_view kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
/// Weir's own: what a client may ask of a gateway for one request.
inline constexpr std::string_view kMetaTimeout = "weir/timeoutMs";
inline constexpr std::string_view kMetaPriority = "weir/priority";
inline constexpr std::string_view kMetaKey = "weir/idempotencyKey";
inline constexpr std::string_view kMetaLogLevel = "io.modelcontextprotocol/logLevel";
/// `_meta` member of what a subscription brings: the id of the request that made it.
inline constexpr std::string_view kMetaSubscription = "io.modelcontextprotocol/subscriptionId";
/// `_meta` member of a result of the new era.
inline constexpr std::string_view kMetaServerInfo = "io.modelcontextprotocol/serverInfo";

/// Codes that the new revision reserves.
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;

/// What the answer to a `server/discover` says.
enum class ProbeVerdict : std::uint8_t {
  modern,        // it answered, or refused as only the new revision does
  legacy,        // ask again by initialize
  needs_auth,    // 401 or 403
  no_statement,  // 429, 5xx: says nothing about the era
};
/// `status`: the HTTP status, 200 over stdio. `answered`: a result that is a discover result. `code`: of a
/// JSON-RPC error in the body, 0 if there is none.
ProbeVerdict classify_probe(int status, bool answered, int code) noexcept;

}  // namespace weir
