// What an upstream keeps besides its declaration, for the files that make it up.
#pragma once

#include "gateway/upstream.h"

namespace weir {

/// One shard's view: touched by that shard only.
struct Upstream::Seat {
  Seat(const Published<EndpointSet>& set, Random chance) : reader(set), random(chance) {}
  Published<EndpointSet>::Reader reader;
  Random random;
};

/// One endpoint as the configuration has it.
struct Upstream::Wanted {
  ServerConfig config;  // the server's, with this endpoint's own URL
  std::string address;
  std::string connect_to;  // which address of the URL's host it is; empty: any
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
};

/// What is known of one host name.
struct Upstream::Name {
  std::vector<std::string> addresses;  // of the last answer that there was
  Error error;                         // of the last look-up; without a detail: there was none
  bool asked = false;
};

}  // namespace weir
