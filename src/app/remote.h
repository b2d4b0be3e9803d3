// What the command line asks of a running gateway: one HTTP request, start to end.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace weir {

struct RemoteAnswer {
  /// HTTP status; 0 before there is one.
  int status = 0;
  std::string body;  // of an event stream: the last event's data
};

/// Sends one request to `url` and waits for the whole answer, 30 s at most. Runs a loop of its own; not for
/// shards. Errors: unreachable, ...
Result<RemoteAnswer> ask_remote(const std::string& method, const std::string& url,
                                const std::vector<std::pair<std::string, std::string>>& headers,
                                const std::string& body);

}  // namespace weir
