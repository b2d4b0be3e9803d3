// Whether a server's definition of a tool, prompt, resource or template can be shown to clients: one that
// clients can't read would cost them the whole list, one whose name only looks like another's would speak in
// that one's name. Pure. Source: the hostile edge, "tool shadowing"; MCP schema, Tool, Prompt, Resource,
// ResourceTemplate; Unicode Technical Standard 39, section 5.2.
#pragma once

#include <string>
#include <string_view>

#include "mcp/message.h"
#include "mcp/methods.h"

namespace weir {

/// Reads the members of one raw entry of a list. What is wrong with it, as the end of a sentence; empty:
/// nothing.
std::string read_definition(std::string_view raw, ListKind kind, RawMembers& members);

/// What is wrong with a name (its text) that people and models tell tools apart by; empty: nothing.
std::string_view name_fault(std::string_view name) noexcept;

}  // namespace weir
