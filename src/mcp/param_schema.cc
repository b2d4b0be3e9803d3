#include "mcp/param_schema.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/json.h"

namespace weir {
namespace {

constexpr std::string_view kAnnotation = "x-mcp-header";

// Keywords whose values are no schemas: what looks like an annotation there is data.
constexpr std::array<std::string_view, 4> kData = {"default", "const", "enum", "examples"};
// Keywords whose members are names of the author's choice, each of a schema.
constexpr std::array<std::string_view, 4> kMaps = {"patternProperties", "dependentSchemas", "$defs",
                                                   "definitions"};

bool is_one_of(std::string_view raw_name, const std::array<std::string_view, 4>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return json_name_is(raw_name, word); });
}

bool is_token_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

// A text of the server's in a sentence for people: whatever its length, the sentence stays one.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 80;
  if (text.size() <= kShownMax) return std::string(text);
  std::size_t end = kShownMax;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // whole characters only
  return std::string(text.substr(0, end)) + "...";
}

/// One pass over a schema, whatever its depth costs: JSON that was taken is nested 128 deep at most.
class SchemaWalk {
 public:
  explicit SchemaWalk(std::string_view raw) : cursor_(raw, JsonLimits(), false) {}

  ParamRules read() {
    schema(true);
    if (!rules_.fault.empty()) rules_.params.clear();
    return std::move(rules_);
  }

 private:
  // `reachable`: only `properties` lead here.
  void schema(bool reachable) {
    if (cursor_.peek() != '{') {
      cursor_.take_value();
      return;
    }
    cursor_.enter_object();
    std::string_view name;
    std::string_view annotation;
    std::string_view type;
    while (cursor_.next_member(name)) {
      if (json_name_is(name, kAnnotation))
        annotation = cursor_.take_value();
      else if (json_name_is(name, "type") && cursor_.peek() == '"')
        type = cursor_.take_value();
      else if (json_name_is(name, "properties"))
        named(reachable);
      else if (is_one_of(name, kMaps))
        named(false);
      else if (is_one_of(name, kData))
        cursor_.take_value();
      else
        elsewhere();
    }
    if (!annotation.empty()) annotated(annotation, type, reachable);
  }

  // Schemas by name; a parameter may be called like a keyword.
  void named(bool reachable) {
    if (cursor_.peek() != '{') return elsewhere();
    cursor_.enter_object();
    std::string_view name;
    while (cursor_.next_member(name)) {
      path_.push_back(json_unescape(name));
      schema(reachable);
      path_.pop_back();
    }
  }

  // Behind any other keyword: a schema, several, or nothing of the kind.
  void elsewhere() {
    const char first = cursor_.peek();
    if (first == '{') return schema(false);
    if (first != '[') {
      cursor_.take_value();
      return;
    }
    cursor_.enter_array();
    while (cursor_.next_element()) elsewhere();
  }

  void annotated(std::string_view raw, std::string_view raw_type, bool reachable) {
    if (!reachable || path_.empty())
      return fault("it is allowed only on properties that a chain of 'properties' alone leads to");
    if (raw.front() != '"') return fault("it must be a string");
    ParamHeader param;
    param.name = json_unescape(raw);
    if (param.name.empty()) return fault("it must not be empty");
    if (!std::all_of(param.name.begin(), param.name.end(), is_token_char))
      return fault("'" + shown(param.name) + "' is no header name (RFC 9110 token)");
    const std::string type = json_unescape(raw_type);
    if (type == "integer")
      param.type = ParamHeader::Type::integer;
    else if (type == "boolean")
      param.type = ParamHeader::Type::boolean;
    else if (type != "string")
      return fault("only strings, integers and booleans may have it, not the type " +
                   (type.empty() ? "'none or several'" : "'" + shown(type) + "'"));
    if (!names_.insert(lower_header_name(param.name)).second)
      return fault("'" + shown(param.name) + "' is given twice (case does not count)");
    param.path = path_;
    rules_.params.push_back(std::move(param));
  }

  void fault(const std::string& what) {
    if (!rules_.fault.empty()) return;
    std::string place;
    for (const std::string& step : path_) place += (place.empty() ? "" : ".") + step;
    rules_.fault = "x-mcp-header at '" + shown(place) + "': " + what;
  }

  JsonCursor cursor_;
  std::vector<std::string> path_;
  std::unordered_set<std::string> names_;  // in lower case
  ParamRules rules_;
};

}  // namespace

std::string lower_header_name(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

ParamRules read_param_rules(std::string_view raw_schema) {
  // Nearly every schema has none: one search tells, and another where letters may be written as escapes.
  const auto has = [&](std::string_view text) { return raw_schema.find(text) != std::string_view::npos; };
  if (!has(kAnnotation) && !has("\\u00")) return {};
  return SchemaWalk(raw_schema).read();
}

}  // namespace weir
