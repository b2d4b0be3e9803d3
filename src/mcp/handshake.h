// How Weir, as a client, gets to know a server: what it asks in either era and what it learns from the
// answer. Source: MCP 2026-07-28 server/discover; MCP 2025-11-25 basic/lifecycle.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "mcp/message.h"
#include "mcp/version.h"

namespace weir {

/// What a server said of itself. Immutable once learned; raw JSON where it is passed on.
struct ServerFacts {
  Revision revision = Revision::v2026_07_28;
  std::string capabilities;  // raw object
  std::string server_info;   // raw object; empty: none given
  std::string instructions;  // raw string with quotes; empty: none given
  /// True if the capabilities have a member `name`.
  bool has(std::string_view name) const;
  bool operator==(const ServerFacts&) const = default;
};

/// `server/discover` with `id`, a raw JSON value.
std::string discover_request(std::string_view id);
/// A ping that makes nobody take us for an old client: a server of two eras goes by what a request says of
/// itself.
std::string probing_ping(std::string_view id);

/// As whom Weir begins a session with an old server: as itself, or in the place of one client.
struct Introduction {
  Revision revision = kNewestOld;
  std::string capabilities;  // raw object; empty: all that Weir can bridge for whoever comes
  std::string client_info;   // raw object; empty: Weir's own
};
/// The request that begins a session, and the notification that follows its answer.
std::string initialize_request(std::string_view id, const Introduction& as);
std::string_view initialized_notification() noexcept;

/// Reads a discover result (raw object). Errors: upstream_protocol.
Result<ServerFacts> read_discover(std::string_view result);
/// Reads an initialize result. Errors: upstream_protocol; also when it names a revision that Weir does not
/// speak.
Result<ServerFacts> read_initialize(std::string_view result);

/// The newest revision in a list (raw array of strings) that Weir speaks; nothing if none is, or it is no
/// list.
std::optional<Revision> newest_listed(std::string_view list);

/// What the answer to a `server/discover` comes to.
struct Probed {
  ProbeVerdict verdict = ProbeVerdict::legacy;
  Revision wanted = kNewestOld;  // legacy: what `initialize` is to ask for
  bool again = false;  // modern: it refused, but lists the revision that it was asked in: ask once more
  Result<ServerFacts> facts;  // modern: what it says, or why that is of no use
};
/// `status`: the HTTP status, 200 over stdio. `answer`: the response; null if there is none in the body.
Probed read_probe(int status, const Message* answer);

}  // namespace weir
