// Calls to what lives on another shard: the call goes there, its events come back one by one, and what is
// left of it is let go where it belongs.
#pragma once

#include <functional>

#include "call/call.h"
#include "runtime/shard.h"

namespace weir {

/// Runs `serve` on `home` with a copy of `call` whose scope lives there. `call` outlives the reply.
Task<Result<Reply>> call_at_home(Shard& home, Call& call, std::function<Task<Result<Reply>>(Call&)> serve);

/// The way back to a server that `link`, of the shard `home`, goes to; for any one other shard.
std::shared_ptr<ServerLink> link_from(Shard& home, std::shared_ptr<ServerLink> link);

}  // namespace weir
