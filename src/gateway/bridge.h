// Where the eras meet: one call to one server, with whatever the server may ask of the client on the way made
// into what the client's era knows. Source: MCP 2025-11-25 client/*; MCP 2026-07-28 basic/patterns/mrtr.
#pragma once

#include "gateway/lists.h"

namespace weir {

/// Reads the `requestState` of a retry into `by.continued`, if it has one. False: it was not given out for
/// this request and caller, or has been tampered with.
bool read_request_state(ClientCall& by);

/// Calls the server in place `server` of `by.plan`, or goes on with what `by.continued` says; `server` is
/// then set to its place, kAll if it is configured no more. `leaf` is prepared and outlives the reply. No
/// coroutine of its own where nobody can be asked for anything.
Task<Result<Reply>> call_bridged(ClientCall& by, Call& leaf, std::size_t& server);

/// What a client of the new revision gets of an `input_required` result of a server of its own era: the
/// server's state, sealed. Empty: the response is none, or carries no state.
std::string sealed_state(const ClientCall& by, std::size_t server, std::uint32_t endpoint,
                         const Message& response);

}  // namespace weir
