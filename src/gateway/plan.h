// The running configuration, compiled: every look-up that can be done once is done. Immutable; a request
// reads one plan and keeps it to its end.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "gateway/catalogue.h"
#include "gateway/upstream.h"
#include "mcp/names.h"

namespace weir {

struct Plan {
  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);

  /// What was configured, and the rules of names that follow from it.
  Config config;
  NameRules names;
  std::vector<std::shared_ptr<Upstream>> servers;  // enabled ones, in the configuration's order
  std::shared_ptr<Published<Catalogue>> catalogue;
  std::mutex* catalogue_lock = nullptr;  // of whoever replaces it

  /// What this configuration says of a server in place `i`: its timeouts may be newer than the server.
  const ServerConfig& settings(std::size_t i) const noexcept { return config.servers[configured[i]]; }
  std::vector<std::size_t> configured;  // places in config.servers, of those in `servers`

  /// The place of a server; kAll if there is none of that name.
  std::size_t find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < servers.size(); ++i)
      if (servers[i]->name() == name) return i;
    return kAll;
  }
};

/// Whether names are prefixed: configured servers count, never live ones.
NameRules name_rules(const Config& config);
/// Notes what a server was seen to offer; does nothing if that is known already. Any thread.
void note_seen(const Plan& plan, ListKind kind, std::size_t server, Identities identities);

}  // namespace weir
