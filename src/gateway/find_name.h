// Where the name of a tool or prompt leads, and what is said if it leads nowhere.
#pragma once

#include <string>
#include <string_view>

#include "gateway/router.h"

namespace weir {

/// JSON-RPC's code for a parameter that leads nowhere.
inline constexpr int kInvalidParams = -32602;
/// Makes a refusal the answer.
void put_refusal(Answer& answer, const ClientCall& call, int code, std::string_view sentence);

/// Where a name leads by what is known now; kAll: nowhere. `target` is set where the server calls it
/// otherwise.
std::size_t find_name(const Plan& plan, ListKind kind, std::string_view name, std::string& target);
/// The same by the call's plan.
inline std::size_t find_name(const ClientCall& call, ListKind kind, std::string_view name,
                             std::string& target) {
  return find_name(call.plan, kind, name, target);
}
/// Learns what all servers offer: a name was asked for that no list has shown yet.
Task<void> learn_names(ClientCall& call, ListKind kind);
/// Says why a name leads nowhere: it is several servers', nobody is there to ask, or nobody has it.
void put_unknown_name(Answer& answer, const ClientCall& call, ListKind kind, std::string_view name);

}  // namespace weir
