// YAML (and so JSON) as a plain tree with places; the only unit that knows the YAML library. Aliases are
// resolved under a budget, repeated keys are kept for the reader to refuse. Source: YAML 1.2.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// What is wrong, where. Lines and columns count from 1.
struct Diagnostic {
  enum class Severity : std::uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;
  std::string source_line;
};
/// `weir.yaml:14:5: message`, the line, and a caret under the column.
std::string to_string(const Diagnostic& diagnostic);

struct YamlNode {
  enum class Kind : std::uint8_t { scalar, list, map };
  Kind kind = Kind::scalar;
  std::string text;   // of a scalar
  bool plain = true;  // not quoted: may be a number, true, false or null
  int line = 1;
  int column = 1;
  std::vector<YamlNode> items;
  std::vector<std::pair<YamlNode, YamlNode>> members;

  bool is_null() const noexcept {
    return kind == Kind::scalar && plain && (text.empty() || text == "null" || text == "~");
  }
  const YamlNode* find(std::string_view key) const noexcept;
};

/// Parses one document. False: `diagnostics` says why. `json`: comments as clients write them are allowed.
bool parse_yaml(std::string_view text, const std::string& file, bool json, YamlNode& root,
                std::vector<Diagnostic>& diagnostics);

/// The line of `text` with this number, from 1.
std::string_view line_of(std::string_view text, int line) noexcept;

}  // namespace weir
