// A call as its upstream is told of it: the same on every wire.
#pragma once

#include <string>

#include "base/digest.h"
#include "call/call.h"
#include "mcp/outgoing.h"
#include "runtime/shard.h"

namespace weir {

/// What is left of the call's time, at least 1.
inline std::uint64_t time_left_ms(const Call& call) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(call.ends_by() - Shard::current().now());
  return left.count() < 1 ? 1 : static_cast<std::uint64_t>(left.count());
}

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
  if (call.timed) request.time_left_ms = time_left_ms(call);
  return request;
}

/// What stands for raw JSON where it is only compared, and kept for each of many: itself where that is short,
/// else a digest, which no JSON looks like. At most 65 bytes.
inline std::string stand_in(std::string_view raw) {
  return raw.size() <= 64 ? std::string(raw) : '#' + hex(sha256(raw), sizeof(Digest));
}

/// Who calls, as closely as can be told: an old client's session; else the address or token with what stands
/// for what the client says it is, since one address may have many. Empty: Weir itself.
inline std::string caller_of(const ClientView& client) {
  if (!client.link_key.empty()) return std::string(client.link_key.substr(0, client.link_key.find('\0')));
  if (!client.session.empty()) return std::string(client.session);
  std::string caller(client.identity);
  if (!caller.empty()) caller.append(1, '\n').append(stand_in(client.client_info));
  return caller;
}

}  // namespace weir
