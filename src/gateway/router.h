// One switch over the row's route: answered here, one server, or all of them.
#pragma once

#include <optional>
#include <string>

#include "gateway/lists.h"

namespace weir {

/// What a request leads to: a whole JSON-RPC response, or a server's reply still to be relayed.
struct Answer {
  std::string text;  // whole; empty while there is a reply
  std::optional<Reply> reply;
  std::size_t server = Plan::kAll;  // whose reply or error it is
  std::string uri_from;             // the server's own URI where the client's is an alias
  std::string uri_to;
  std::string task_from;  // likewise of a task's id
  std::string task_to;
  std::string param_headers;   // the Mcp-Param-* lines made for the server; the call's view of them
  std::string fallback;        // raw: whose place the reply takes, and why; empty: nobody's
  int status = 200;            // what the specification orders for `text`
  const char* outcome = "ok";  // of the metrics' label: "ok", "upstream_error" or a reason
};

/// Answers a request of a server feature (lists, calls, reads, completion, discover). A failed call is an
/// answer too: its text is the JSON-RPC error. `target` keeps the server's own name alive for the reply; both
/// begin empty.
Task<void> route_request(ClientCall& call, Call& leaf, std::string& target, Answer& answer);

/// Makes a failed call the answer. `server` kAll: nobody's in particular.
void put_fault(Answer& answer, const ClientCall& call, const Error& error, std::size_t server);

/// The deadline of a call to this server and tool: as its client wants it, but no later than as its plan has
/// it.
TimePoint deadline_of(const ClientCall& call, const ServerConfig& server, std::string_view tool);

}  // namespace weir
