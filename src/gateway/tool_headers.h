// `Mcp-Param-*` on a call's way: what tools want mirrored is read with their list, a client's headers are
// checked before the call goes out, the server's are made anew. Knowledge may be older than the server's:
// what would be refused by it, or was refused by the server, is looked at again with a fresh list.
#pragma once

#include "gateway/lists.h"
#include "gateway/router.h"
#include "mcp/outgoing.h"

namespace weir {

/// True for a server that reads `Mcp-Param-*`: the new revision over Streamable HTTP.
bool takes_headers(const Upstream& server, const Peer& peer) noexcept;

using HeaderRules = decltype(ToolTable::params);

/// Notes in `table` what the page's tools want mirrored. `strict`: a tool with invalid annotations is
/// withheld, as clients of Streamable HTTP must; else its annotations mean nothing.
void read_tool_headers(ListPage& page, bool strict, HeaderRules& table);

/// Sets the headers of a tool's call, in `answer.param_headers`. False: it must not go out, and `answer` says
/// why.
Task<bool> mirror_arguments(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                            Answer& answer);

/// True if the server refused a call for its headers: it did not run.
inline bool refused_headers(const Result<Reply>& reply) noexcept {
  if (!reply || !reply->first.last || reply->large) return false;
  const Message& message = *reply->first.message;
  return message.kind() == Message::Kind::error && error_code(message.error()) == kHeaderMismatch;
}
/// After such a refusal: asks for the list again and sets the headers anew. False: nothing is to be repeated;
/// `answer` may say why, else the refusal stands.
Task<bool> mirror_again(ClientCall& call, Call& leaf, std::size_t server, std::string_view tool,
                        Answer& answer);
/// The server's refusal as a client of the new revision gets it: with status 400. Does nothing for others.
void put_headers_refused(Answer& answer, const ClientCall& call, const Reply& refused, std::size_t server);

/// Why a tool is withheld, as a sentence; empty: it is not, or not known.
std::string why_withheld(const Plan& plan, std::size_t server, std::string_view tool);

}  // namespace weir
