// The one table of methods: who may send it, where it goes, what may be repeated or kept, where its name
// sits. From here on code asks the row, never the method's text. Source: MCP 2024-11-05 to 2026-07-28.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

/// Where a message goes.
enum class Route : std::uint8_t {
  ping,         // answered here
  discover,     // answered here from what the servers say of themselves
  initialize,   // begins an old client's session
  initialized,  // accepted
  cancelled,    // ends a call of the same session
  set_level,    // kept with the session
  list,         // asked of every server and merged
  by_name,      // one server, told by params.name
  by_uri,       // one server, told by params.uri
  by_ref,       // one server, told by params.ref (completion)
  subscribe,    // to one resource's updates, in a session
  unsubscribe,  // the end of that
  listen,       // a stream of events, in 2026-07-28
  task,         // one server, told by params.taskId
  task_list,    // of every server that has tasks of this client, merged
  roots,        // an old client's roots have changed
  progress,     // of a client, on what a server asked of it
  ignored,      // a notification without meaning for a gateway
};

/// What a list holds; also an index into per-kind tables.
enum class ListKind : std::uint8_t { tools, resources, templates, prompts, none };
inline constexpr std::size_t kListKinds = 4;

/// What Weir knows of a method.
struct MethodRow {
  std::string_view name;
  Route route;
  ListKind kind;        // whose names it speaks of; none: of no list
  bool request;         // else a notification
  bool old_clients;     // exists in the revisions with sessions
  bool new_clients;     // exists in 2026-07-28
  bool safe_to_repeat;  // reading only
  bool cacheable;       // results carry ttlMs and cacheScope in 2026-07-28
};

/// All rows, in a fixed order.
std::span<const MethodRow> method_rows() noexcept;
/// The row of `method`; null for what Weir does not know.
const MethodRow* find_method(std::string_view method) noexcept;
/// Position of a row in method_rows().
std::size_t method_index(const MethodRow& row) noexcept;

/// The row that asks for a kind's list.
const MethodRow& list_method(ListKind kind) noexcept;
/// The array's name in a list result: "tools", "resources", "resourceTemplates", "prompts".
std::string_view list_key(ListKind kind) noexcept;
/// What tells an entry of the list from the others: "name", "uri" or "uriTemplate".
std::string_view list_identity(ListKind kind) noexcept;
/// The capability that promises the list: "tools", "resources" or "prompts".
std::string_view list_capability(ListKind kind) noexcept;

}  // namespace weir
