// A call as its upstream is told of it: the same on every wire.
#pragma once

#include <string>

#include "call/call.h"
#include "mcp/outgoing.h"

namespace weir {

/// What the request for `call` is made with, under our `id` (raw). Views into both.
inline OutgoingRequest outgoing_request(const Call& call, std::string_view id) {
  OutgoingRequest request;
  request.id = id;
  request.target = call.target;
  request.upstream = call.peer->facts.revision;
  request.client = call.client.revision;
  request.client_info = call.client.client_info;
  request.capabilities = call.client.capabilities;
  request.log_level = call.client.log_level;
  request.traceparent = call.trace.parent;
  request.tracestate = call.trace.state;
  request.request_state = call.request_state;
  return request;
}

/// Who calls, as closely as can be told: an old client's session; else the address or token with what the
/// client says it is, since one address may have many. Empty: Weir itself.
inline std::string caller_of(const ClientView& client) {
  if (!client.session.empty()) return std::string(client.session);
  std::string caller(client.identity);
  if (!caller.empty()) caller.append(1, '\n').append(client.client_info);
  return caller;
}

}  // namespace weir
