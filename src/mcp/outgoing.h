// The two edges around the canonical call: a request as its upstream's era wants it, and an answer as its
// client's era wants it. Everything else passes byte for byte. Source: MCP 2026-07-28 basic/index (_meta,
// results), basic/versioning.
#pragma once

#include <string>
#include <string_view>

#include "mcp/message.h"
#include "mcp/methods.h"
#include "mcp/splice.h"
#include "mcp/version.h"

namespace weir {

/// What an upstream is told of a request besides its text.
struct OutgoingRequest {
  std::string_view id;      // raw JSON, ours: also the progress token where the client gave one
  std::string_view target;  // the upstream's own name or URI; empty: as the message has it
  Revision upstream = Revision::v2026_07_28;
  Revision client = Revision::v2026_07_28;
  std::string_view client_info;   // raw JSON; empty: Weir's own
  std::string_view capabilities;  // raw JSON; empty: {}
  std::string_view log_level;     // text; empty: none
  std::string_view traceparent;   // empty: as the message has it
  std::string_view tracestate;
  std::uint64_t time_left_ms = 0;  // what is left of the time that the client gives; 0: it gives none
  std::string_view request_state;  // raw: the server's own, for the client's sealed one; empty: it has none
};
/// The edits that make a client's message the upstream's. Views in `request` outlive them.
Splices request_edits(const Message& message, const MethodRow& row, const OutgoingRequest& request);
/// Appends the request for the upstream.
void append_request(std::string& out, const Message& message, const MethodRow& row,
                    const OutgoingRequest& request);

/// What a client's answer is made with.
struct OutgoingAnswer {
  std::string_view client_id;  // raw JSON
  Revision client = Revision::v2026_07_28;
  Revision upstream = Revision::v2026_07_28;
  std::string_view uri_from;  // the upstream's own URI, where the client knows it by another
  std::string_view uri_to;
  std::string_view fallback;   // raw JSON: `weir/fallback` of the result's _meta; empty: none
  std::string_view task_from;  // the upstream's own id of a task, where the client knows it by another
  std::string_view task_to;
  std::string_view
      request_state;  // text: what the client gets for the server's own; empty: nothing to change
};
/// The edits that make an upstream's response (a result or an error) the client's.
Splices response_edits(const Message& response, const MethodRow& row, const OutgoingAnswer& answer);
/// Appends the edited response.
void append_response(std::string& out, const Message& response, const MethodRow& row,
                     const OutgoingAnswer& answer);
/// Appends a notification that belongs to the call, with the client's own progress token in it.
void append_notification(std::string& out, const Message& notification, std::string_view client_token);

/// The raw name or URI that routes this request (`params.name`, `params.uri`, `params.taskId`,
/// `params.ref.*`); empty if it is no string.
std::string_view raw_target(const Message& message, const MethodRow& row);

/// An error object's code; 0 if it has none. Its raw data; empty if absent.
int error_code(std::string_view raw_error);
/// True if an upstream's result says `isError: true`.
bool is_tool_error(const Message& response);

/// A client's name for itself, where a client gave none.
std::string_view own_client_info() noexcept;

}  // namespace weir
