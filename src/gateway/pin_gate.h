// Calls of tools that were not approved, where pins are enforced: they never reach a server. Decided by what
// is known of the server's present lists, no hash is made on the way.
#pragma once

#include <string>
#include <string_view>

#include "gateway/pinned_lists.h"
#include "gateway/router.h"

namespace weir {

/// True if a call of the tool may go to this server by what is known now; nothing is asked for.
inline bool pins_allow(const Plan& plan, std::size_t server, std::string_view tool) {
  const Pins* pins = enforced_pins(plan, server);
  return pins == nullptr || pins->allows(tool);
}
/// The same for a call that they do not allow: lists the server's tools first where that was not done. False:
/// `answer` says why it may not go there.
Task<bool> admit_pinned(ClientCall& call, const Call& leaf, std::size_t server, std::string_view tool,
                        Answer& answer);
/// Why calls of the tool are refused, as a sentence; empty: they are not, or it is not known yet.
std::string why_denied(const Plan& plan, std::size_t server, std::string_view tool);
/// The server that has a new tool which clients see nothing of and would call `name`; kAll: none. `tool`: its
/// own name for it.
std::size_t owner_of_hidden(const Plan& plan, std::string_view name, std::string& tool);

}  // namespace weir
