// What the command line asks of a running gateway: one HTTP request, start to end.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "mcp/message.h"

namespace weir {

/// With what a gateway is asked.
struct RemoteAccess {
  std::string token;  // sent as bearer token; empty: none
  std::string cert;   // PEM file that begins with the gateway's own certificate; empty: the system's trust
};

/// What came back.
struct RemoteAnswer {
  /// HTTP status; 0 before there is one.
  int status = 0;
  std::string body;  // of an event stream: the last event's data
};

/// Sends one request to `url` and waits for the whole answer, `patience` at most. Runs a loop of its own; not
/// for shards. Errors: unreachable, ...
Result<RemoteAnswer> ask_remote(const std::string& method, const std::string& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body, const RemoteAccess& access,
                                std::chrono::milliseconds patience = std::chrono::seconds(30));

/// Reading what came back. Whether it is one JSON object.
bool is_json_object(std::string_view text);
/// A member's text; of a number or another value, how it is written. Empty without that member.
std::string text_of(const RawMembers& members, std::string_view name);
/// The elements of an array; nothing for all else.
std::vector<std::string_view> elements(std::string_view raw);

}  // namespace weir
