// One stream of a server's events, as the watch's two halves know it: for servers of either era.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "gateway/watch.h"

namespace weir {

struct Watch::Listening {
  CancelScope scope;                   // ends it
  Filter filter;                       // asked of a new server
  std::set<std::string> agreed;        // resources that the server honours
  std::set<std::string> agreed_tasks;  // likewise
  bool hopeless = false;               // a new server does not know such streams; it is asked again later
  std::set<std::string> refused;       // by an old server
  bool telling = false;                // an old server is being told what is wanted
  bool again = false;                  // that has changed meanwhile
};

/// True if a capability has this member, true or an object.
bool declares(const ServerFacts& facts, std::string_view capability, std::string_view what);

}  // namespace weir
