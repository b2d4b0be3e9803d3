// The running configuration, compiled: every look-up that can be done once is done. Immutable; a request
// reads one plan and keeps it to its end.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "gateway/catalogue.h"
#include "gateway/credentials.h"
#include "gateway/last_good.h"
#include "gateway/pins.h"
#include "gateway/upstream.h"
#include "mcp/names.h"

namespace weir {

/// Whether a call of a server's tool needs a look at the tool's schema for headers.
enum class ToolHeaders : std::uint8_t {
  unseen,   // its tools were not listed yet
  unknown,  // they could not be: calls go without
  none,     // no tool speaks of headers: the usual
  some,     // the catalogue says which
};

struct Plan {
  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);

  /// What was configured, and the rules of names that follow from it.
  Config config;
  NameRules names;
  Credentials clients;                             // of whoever calls
  Credentials operators;                           // of whoever asks the admin address
  std::vector<std::shared_ptr<Upstream>> servers;  // enabled ones, in the configuration's order
  std::shared_ptr<Published<Catalogue>> catalogue;
  std::mutex* catalogue_lock = nullptr;              // of whoever replaces it
  Interests* interests = nullptr;                    // what clients want to hear of; outlives the plan's use
  std::vector<std::shared_ptr<LastGood>> last_good;  // what is kept of each server for when it is away
  std::vector<std::shared_ptr<Pins>> pins;  // what was approved of each server's tools; null: no pins
  /// By server; follows the catalogue, for a look before each call. Any thread.
  std::unique_ptr<std::atomic<ToolHeaders>[]> tool_headers;
  /// Likewise: whether the catalogue has a tool of the server's that says that it may be called twice.
  std::unique_ptr<std::atomic<bool>[]> repeatable_tools;
  /// Told once of each tool that clients are not shown, and why; any shard. May be empty.
  std::function<void(const std::string& server, const std::string& tool, const std::string& reason)>
      tool_withheld;

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
/// Begins `tool_headers` and `repeatable_tools` from what the plan's catalogue knows.
void begin_tool_facts(Plan& plan);
/// Notes what a server was seen to offer; does nothing if that is known already. `table`: of tools. Any
/// thread.
void note_seen(const Plan& plan, ListKind kind, std::size_t server, Identities identities,
               ToolTable table = {});

}  // namespace weir
