// Which of a tool's parameters are mirrored into `Mcp-Param-*` headers: the `x-mcp-header` annotations of its
// inputSchema, and what is wrong with them. Pure. Source: MCP 2026-07-28 basic/transports/streamable-http,
// "Schema Extension".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// One annotated parameter.
struct ParamHeader {
  /// The types that may be annotated.
  enum class Type : std::uint8_t { string, integer, boolean };
  std::string name;               // what follows `Mcp-Param-`, as the schema writes it
  std::vector<std::string> path;  // the property names that lead to it from the arguments' root
  Type type = Type::string;
  bool operator==(const ParamHeader&) const = default;
};

/// What one tool wants mirrored, in the schema's order; or why it may not want that.
struct ParamRules {
  std::vector<ParamHeader> params;
  std::string fault;  // empty: all annotations are valid
  bool operator==(const ParamRules&) const = default;
};

/// Reads the annotations of a raw inputSchema, which was validated as JSON. A schema without any is valid.
ParamRules read_param_rules(std::string_view raw_schema);

/// A header's name as names are compared: in lower case.
std::string lower_header_name(std::string_view name);

}  // namespace weir
