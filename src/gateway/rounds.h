// The bridge from an old client to a server of the new revision: its `input_required` results become requests
// to the client, one event each, and once all are answered the call goes to the server again with the answers
// and its state. As many rounds as the server wants, within bounds. One shard.
// Source: MCP 2026-07-28 basic/patterns/mrtr.
#pragma once

#include "call/call.h"

namespace weir {

class Upstream;

/// The reply of an old client's call, `reply` being what the server gave first. `call` outlives it.
/// Whether or not the client can be asked: who reads the reply refuses what it may not be.
Task<Result<Reply>> in_rounds(Upstream& upstream, Call& call, Reply reply);

}  // namespace weir
