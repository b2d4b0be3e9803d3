// `Mcp-Param-*`: a call's arguments mirrored into headers. A client's are compared with its arguments, an
// upstream's are made from them. Pure. Source: MCP 2026-07-28 basic/transports/streamable-http, "Value
// Encoding" and "Server Behavior for Custom Headers".
#pragma once

#include <string>
#include <string_view>

#include "mcp/param_schema.h"

namespace weir {

/// Why header lines (each `NAME: VALUE` and CRLF) do not mirror the arguments as the schema wants it; empty:
/// they do. `raw_arguments` empty: the call has none.
std::string check_param_headers(const ParamRules& rules, std::string_view raw_arguments,
                                std::string_view lines);

/// Appends the lines that mirror the arguments, then those of the client's `lines` that the schema does not
/// know, as they came.
void append_param_headers(std::string& out, const ParamRules& rules, std::string_view raw_arguments,
                          std::string_view lines);

}  // namespace weir
