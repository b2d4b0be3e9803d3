// What a tool is, for pinning: all that its server says of it, in one canonical form, and the hash of that.
// Whatever a model reads or a client acts on is in it. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "mcp/version.h"

namespace weir {

/// How a tool stands to what was approved of its server.
enum class PinState : std::uint8_t {
  approved,
  changed,  // a tool of this name was approved with another definition
  fresh,    // none of this name was
};
/// "approved", "changed", "new".
std::string_view to_string(PinState state) noexcept;

/// One definition as a server listed it.
struct ToolDefinition {
  std::string tool;
  std::string canonical;  // empty: it has none
  Digest digest{};        // of `canonical`
  std::string fault;      // why it can't be approved, as the end of a sentence; empty: it can
};
/// Longest canonical form of one definition that can be approved, in bytes.
inline constexpr std::size_t kDefinitionMax = 256 * 1024;
/// Of the definitions of one list, in bytes and in number, and of those under one name: those behind can't be
/// approved.
inline constexpr std::size_t kDefinitionsMax = 8 * 1024 * 1024, kPinnedToolsMax = 10'000, kOfOneNameMax = 4;
/// Reads a definition, raw as it was listed under the name `tool`.
ToolDefinition define_tool(std::string tool, std::string_view raw);
/// Marks those that are beyond the bounds of a list.
void bound_definitions(std::vector<ToolDefinition>& list);

/// What was approved of one tool.
struct PinnedDefinition {
  Digest digest{};
  std::string canonical;
  std::string approved;  // when, for people
};
/// By tool; several of one where a server's endpoints differ.
using PinnedTools = std::map<std::string, std::vector<PinnedDefinition>, std::less<>>;

/// The one of `pins` that `seen` is. Members that `revision`, which it was listed in, does not know may be
/// missing. Null: it is none of them.
const PinnedDefinition* matching_pin(const std::vector<PinnedDefinition>& pins, const ToolDefinition& seen,
                                     Revision revision) noexcept;
/// A member in which two definitions differ, each side as canonical JSON; empty: it is not there.
struct PinDifference {
  std::string name;
  std::string before;
  std::string after;
};
/// The members in which two canonical definitions differ, by name.
std::vector<PinDifference> differing_members(std::string_view before, std::string_view after);
/// The first line of a canonical definition's description, 120 bytes at most.
std::string first_line(std::string_view canonical);

}  // namespace weir
