// What the servers were last seen to offer, under the names that clients see. Immutable snapshots: a request
// reads one. It remembers a server's entries while the server is away, so that names stay as they are.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mcp/merge.h"
#include "mcp/methods.h"
#include "mcp/names.h"
#include "mcp/param_schema.h"
#include "runtime/published.h"

namespace weir {

/// Where a name or URI leads: the server's place in the plan, and what the server itself calls it.
struct Place {
  std::size_t server = 0;
  std::string original;
};

/// One server's entries of one kind, by what tells them apart, in the server's order.
using Identities = std::vector<std::string>;

/// What calls of one server's tools depend on, by its own names.
struct ToolTable {
  /// Of tools that speak of headers: what they want mirrored, or why they are withheld from clients.
  std::unordered_map<std::string, ParamRules> params;
  /// Tools that say that a call may be made twice: `readOnlyHint` or `idempotentHint` (R13).
  std::unordered_set<std::string> repeatable;
  bool empty() const noexcept { return params.empty() && repeatable.empty(); }
  bool operator==(const ToolTable&) const = default;
};

class Catalogue {
 public:
  Catalogue() = default;
  /// `seen[server][kind]` and `tools[server]` in the order of `servers`; null, or too short: not known.
  Catalogue(NameRules rules, std::vector<std::string> servers,
            std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen,
            std::vector<std::shared_ptr<const ToolTable>> tools = {});

  /// The place of a name that clients see: as listed, as prefix and original, or bare while it is unique.
  /// Null: not known.
  const Place* find(ListKind kind, std::string_view exposed) const;
  /// The servers whose templates match `uri`, in order.
  std::vector<std::size_t> matching_templates(std::string_view uri) const;
  /// What clients see of entry `identity` of `server`. Resources and templates: the URI itself, or
  /// weir://NAME/URI if an earlier server has it too. Without prefixes, names likewise.
  std::string exposed(ListKind kind, std::size_t server, std::string_view identity) const;
  bool claims_other(std::size_t server, std::string_view identity) const;
  /// What clients see of every entry that its server calls `identity`, in the servers' order.
  std::vector<std::string> candidates(ListKind kind, std::string_view identity) const;
  /// How many entries of a kind a server has; -1 if it was never seen.
  int count(ListKind kind, std::size_t server) const;
  /// True if `server` was seen to have `identity`.
  bool has(ListKind kind, std::size_t server, std::string_view identity) const;
  /// What the server's tool wants mirrored into headers; null: nothing, or not known.
  const ParamRules* params(std::size_t server, std::string_view tool) const;
  /// True if the server's tool says that a call of it may be made twice.
  bool repeatable(std::size_t server, std::string_view tool) const;
  /// The same of all its tools; null: none, or not known.
  const std::shared_ptr<const ToolTable>& tool_table(std::size_t server) const { return tools_[server]; }
  const std::vector<std::string>& servers() const noexcept { return servers_; }
  const std::shared_ptr<const Identities>& seen(ListKind kind, std::size_t server) const {
    return seen_[server][static_cast<std::size_t>(kind)];
  }

 private:
  struct Names {
    std::unordered_map<std::string, Place> exposed;
    std::unordered_map<std::string, std::vector<std::size_t>> owners;  // of an original, in order
  };
  NameRules rules_;
  std::vector<std::string> servers_;
  std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen_;
  std::vector<std::shared_ptr<const ToolTable>> tools_;  // by server; null: no such tool
  std::array<Names, kListKinds> names_;
};

/// True if `uri` is an instance of the URI template. Source: RFC 6570, read backwards: an expression stands
/// for any text, a simple one for text without '/'.
bool template_matches(std::string_view uri_template, std::string_view uri);

}  // namespace weir
