// What era a request is of, and whether its headers and envelope are as that era's revision wants them.
// Source: MCP 2026-07-28 basic/index (_meta), basic/transports/streamable-http ("Server Validation").
#pragma once

#include <string>

#include "http/head.h"
#include "mcp/message.h"
#include "mcp/methods.h"
#include "mcp/version.h"

namespace weir {

/// A refusal with the status that the specification orders; or what the client said of itself.
struct EnvelopeFault {
  int status = 0;  // 0: none
  int code = 0;
  std::string sentence;
  std::string data;              // raw JSON; empty: none
  std::string_view client_info;  // raw JSON out of `_meta` when there is no fault
  std::string_view capabilities;
};

/// True for a request of the new era: by its header, or by the version in its `_meta`.
bool is_new_request(const RequestHead& head, const Message& message);
/// Over a channel, which has no headers: by its `_meta` alone.
bool is_new_request(const Message& message);
/// Checks a request of the new era: known version, mirrored headers, required `_meta` members, known method.
EnvelopeFault check_new_request(const RequestHead& head, const Message& message, const MethodRow* row);
/// The same without headers.
EnvelopeFault check_new_request(const Message& message, const MethodRow* row);
/// An unknown `MCP-Protocol-Version` of an old client.
EnvelopeFault check_old_version(const RequestHead& head);

}  // namespace weir
