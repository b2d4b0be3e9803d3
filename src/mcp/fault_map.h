// Errors become bytes here and nowhere else: JSON-RPC codes, `error.data`, and the HTTP statuses that the
// specification orders. Weir's own codes lie outside the range that JSON-RPC and MCP reserve.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace weir {

/// The JSON-RPC code of an error: 1001 and up for the gateway's own reasons, JSON-RPC's for a client's fault.
int fault_code(Error::Kind kind) noexcept;

/// Appends a whole JSON-RPC error response. `raw_id` empty: null. `server` empty: none is named.
void append_fault(std::string& out, std::string_view raw_id, const Error& error, std::string_view server);
/// Appends an error response with a code of the specification; `raw_data` empty: none.
void append_error(std::string& out, std::string_view raw_id, int code, std::string_view message,
                  std::string_view raw_data = {});

}  // namespace weir
