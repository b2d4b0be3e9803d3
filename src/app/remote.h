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

struct RemoteAnswer {
  /// HTTP status; 0 before there is one.
  int status = 0;
  std::string body;  // of an event stream: the last event's data
};

/// Sends one request to `url` and waits for the whole answer, `patience` at most. Runs a loop of its own; not
/// for shards. Errors: unreachable, ...
Result<RemoteAnswer> ask_remote(const std::string& method, const std::string& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body,
                                std::chrono::milliseconds patience = std::chrono::seconds(30));

/// Reading what came back. Whether it is one JSON object.
bool is_json_object(std::string_view text);
/// A member's text; of a number or another value, how it is written. Empty without that member.
std::string text_of(const RawMembers& members, std::string_view name);
/// The elements of an array; nothing for all else.
std::vector<std::string_view> elements(std::string_view raw);

}  // namespace weir
