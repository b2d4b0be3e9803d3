// YAML (and JSON, which is YAML) to a tree with positions. The one place that knows libfyaml; it is only
// shown text that passed our own checks, its events are counted, and aliases are copied under the same
// budget. Findings: invalid UTF-8, control characters, % directives, tags, duplicate and non-text keys, a
// second document, too much.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace weir {

/// Bounds of one file.
struct YamlLimits {
  std::size_t bytes_max = 4 * 1024 * 1024;
  std::size_t nodes_max = 200'000;  // after aliases are copied
  std::size_t text_max = 8 * 1024 * 1024;
  std::size_t depth_max = 64;
};

/// One value; as a map's item with its key.
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  bool plain = true;            // a scalar without quotes
  Position at;                  // of the value; of the key where there is no value
  Position key_at;              // of the key, in a map
  std::string key;              // in a map
  std::string text;             // of a scalar
  std::vector<YamlNode> items;  // of a list or a map, in order; keys of a map are unique

  /// What kind of node it is; a missing one is none of them.
  bool is_map() const noexcept { return kind == Kind::map; }
  bool is_list() const noexcept { return kind == Kind::list; }
  bool is_scalar() const noexcept { return kind == Kind::scalar; }
  bool is_null() const noexcept { return kind == Kind::null; }
  /// The item of this key, or nullptr.
  const YamlNode* find(std::string_view name) const noexcept;
};

/// Parses `text`, which has no byte order mark. Nothing after an error that ended the reading; after a
/// duplicate key, which is an error too, the tree holds the first. An empty document is null.
std::optional<YamlNode> parse_yaml(std::string_view text, const YamlLimits& limits, Diagnostics& diagnostics);

}  // namespace weir
