// A call as its upstream is told of it: the same on every wire.
#pragma once

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

}  // namespace weir
