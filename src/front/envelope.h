// What era a request is of, and whether its headers and envelope are as that era's revision wants them.
// Source: MCP 2026-07-28 basic/index (_meta), basic/transports/streamable-http ("Server Validation").
#pragma once

#include <optional>
#include <string>

#include "http/head.h"
#include "mcp/message.h"
#include "mcp/methods.h"
#include "mcp/version.h"

namespace weir {

/// A refusal with the status that the specification orders.
struct EnvelopeFault {
  int status;
  int code;
  std::string sentence;
  std::string data;  // raw JSON; empty: none
};

/// The most bytes of a client's `clientInfo`, and of its capabilities: they are kept for as long as the
/// client is known, and longer.
inline constexpr std::size_t kIntroductionMax = 64 * 1024;

/// What a request of the new era says of its client: raw JSON out of its `_meta`.
struct ClientWord {
  std::string_view client_info;
  std::string_view capabilities;
};

/// True for a request of the new era: by its header, or by the version in its `_meta`.
bool is_new_request(const RequestHead& head, const Message& message);
/// Over a channel, which has no headers: by its `_meta` alone.
bool is_new_request(const Message& message);
/// Checks a request of the new era: known version, mirrored headers, required `_meta` members, known method.
/// Without a fault `word` says whose it is.
std::optional<EnvelopeFault> check_new_request(const RequestHead& head, const Message& message,
                                               const MethodRow* row, ClientWord& word);
/// The same without headers.
std::optional<EnvelopeFault> check_new_request(const Message& message, const MethodRow* row,
                                               ClientWord& word);
/// An unknown `MCP-Protocol-Version` of an old client.
std::optional<EnvelopeFault> check_old_version(const RequestHead& head);

}  // namespace weir
