// What stands in the `requestState` that a client of the new revision brings back with its answers: a
// server's own state, or the parked call that waits for them. Sealed, and bound to the caller and to the
// request it was given for: what was tampered with, is another's or is for another call does not open.
// Source: MCP 2026-07-28 basic/patterns/mrtr, server requirements 4 and 5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/message.h"
#include "mcp/session_id.h"

namespace weir {

struct RequestState {
  /// Whose it is: the server's own, or a call parked here.
  enum class Kind : std::uint8_t { server, parked };
  Kind kind = Kind::server;
  std::string server;          // configured name
  std::string raw;             // the server's own state, a raw string; of a parked call: its server's name
  std::uint32_t endpoint = 0;  // of the server's, that gave it; 0: any
  std::uint16_t shard = 0;     // where the call is parked
  std::uint64_t number = 0;    // which it is there
};

/// Writes and reads them. Any thread.
class RequestStates {
 public:
  RequestStates();

  /// The text for the client. `request` is what it answers; `caller` whose it is.
  std::string seal(const RequestState& state, std::string_view caller, const Message& request) const;
  /// Nothing for what was not sealed here for this caller and this request.
  std::optional<RequestState> open(std::string_view text, std::string_view caller,
                                   const Message& request) const;

 private:
  Sealer sealer_;
};

}  // namespace weir
