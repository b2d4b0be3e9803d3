// What Weir says to a server in its own name: what it answers when no client can be asked (nobody there,
// nobody who declared it, nobody it can be told to be for), and that nobody waits any more.
#pragma once

#include <string>
#include <string_view>

#include "mcp/message.h"

namespace weir {

/// A whole JSON-RPC response to a server's request: a ping is answered, an empty list of roots is true of
/// Weir itself, all else is refused (-32601).
std::string own_answer(const Message& request);
/// The refusal (-32601) of what a client did not declare that it can be asked.
std::string refusal(const Message& request);
/// The refusal (-32600) of what was asked outside of every call and can't be brought to one.
std::string refusal_outside(const Message& request);
/// `ping`, a request of Weir's own.
std::string ping_request(std::string_view raw_id);
/// `notifications/cancelled` for a request of ours.
std::string cancelled_notification(std::string_view raw_id);

}  // namespace weir
