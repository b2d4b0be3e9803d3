// What stands in for an answer that can't be had: another server's, or a fixed one. Only where the call has
// surely not run, or may run twice: of a write that may have run its client must hear. One step: who stands
// in has nobody to stand in for it. The answer says in `_meta` whose place it takes. Source: R17.
#pragma once

#include <string_view>

#include "gateway/router.h"

namespace weir {

/// Tries what is configured for this tool (its server's own name; empty: no tool) or its server, after
/// `failed`. True: `answer` is made; false: nothing stands in.
Task<bool> fall_back(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                     const Error& failed, Answer& answer);

/// True if something is configured at all: no coroutine is needed to find out.
bool has_fallback(const ServerConfig& config) noexcept;

}  // namespace weir
