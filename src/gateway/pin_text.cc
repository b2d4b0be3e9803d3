#include "gateway/pin_text.h"

#include "base/json_canonical.h"
#include "mcp/splice.h"

namespace weir {
namespace {

constexpr std::string_view kFormat = "1";

void append_text(std::string& out, std::string_view text) {
  std::string plain;
  json_append_string(plain, text);
  append_visible(out, plain);
}

std::string plain_text(std::string_view raw) {
  return raw.starts_with('"') ? json_unescape(raw) : std::string();
}

// False, and why: something of it is not as it was written.
bool read_pin(std::string_view raw, const std::string& tool, PinnedDefinition& pin, std::string& fault) {
  const RawMembers members = members_of(raw);
  const ToolDefinition definition = define_tool(tool, members.find("definition"));
  pin.digest = definition.digest;
  pin.canonical = definition.canonical;
  pin.approved = plain_text(members.find("approved"));
  if (!definition.fault.empty() || !definition.canonical.starts_with('{'))
    fault = "has a tool without a definition: " + tool;
  else if (plain_text(members_of(definition.canonical).find("name")) != tool)
    fault = "has the definition of another tool under the name " + tool;
  else if (plain_text(members.find("sha256")) != hex(pin.digest, pin.digest.size()))
    fault = "has a hash that is not its definition's, of the tool " + tool;
  return fault.empty();
}

bool read_tool(std::string_view raw, const std::string& tool, PinnedTools& tools, std::string& fault) {
  std::vector<PinnedDefinition>& pins = tools[tool];
  JsonCursor list(raw, JsonLimits(), false);
  if (!raw.starts_with('[') || !list.enter_array()) {
    fault = "has a tool without definitions: " + tool;
    return false;
  }
  while (list.next_element()) {
    const std::string_view one = list.take_value();
    PinnedDefinition pin;
    if (!one.starts_with('{')) fault = "has a tool without a definition: " + tool;
    if (!fault.empty() || !read_pin(one, tool, pin, fault)) return false;
    pins.push_back(std::move(pin));
  }
  if (pins.empty()) fault = "has a tool without definitions: " + tool;
  return fault.empty();
}

}  // namespace

std::string write_pins(std::string_view server, const PinnedTools& tools) {
  std::string out = "{\n  \"weir_pins\": ";
  out.append(kFormat).append(",\n  \"server\": ");
  append_text(out, server);
  out += ",\n  \"tools\": {";
  bool first = true;
  for (const auto& [tool, pins] : tools) {
    out += first ? "\n    " : ",\n    ";
    first = false;
    append_text(out, tool);
    out += ": [";
    for (std::size_t i = 0; i < pins.size(); ++i) {
      out += i == 0 ? "{\n" : ", {\n";
      out += "      \"approved\": ";
      append_text(out, pins[i].approved);
      out += ",\n      \"sha256\": \"" + hex(pins[i].digest, pins[i].digest.size()) + "\",\n";
      out += "      \"definition\": {";
      const RawMembers members = members_of(pins[i].canonical);
      for (std::size_t k = 0; k < members.size(); ++k) {
        out += k == 0 ? "\n        \"" : ",\n        \"";
        append_visible(out, members[k].name);
        out += "\": ";
        append_visible(out, members[k].value);
      }
      out += "\n      }\n    }";
    }
    out += ']';
  }
  out += first ? "}\n}\n" : "\n  }\n}\n";
  return out;
}

bool read_pins(std::string_view text, std::string_view server, PinnedTools& tools, std::string& fault) {
  JsonLimits limits;
  limits.members_max = 4'000'000;
  JsonCursor whole(text, limits, true);
  const bool object = whole.peek() == '{';
  whole.take_value();
  if (!object || !whole.finish()) {
    fault = "is no JSON object" + (object ? ": " + std::string(to_string(whole.fault())) : std::string());
    return false;
  }
  while (text.front() != '{') text.remove_prefix(1);
  const RawMembers members = members_of(text);
  const std::string_view format = members.find("weir_pins");
  const std::string_view list = members.find("tools");
  if (format != kFormat)
    fault = format.empty() ? "is no file of pins" : "is of another format: " + std::string(format);
  else if (plain_text(members.find("server")) != server)
    fault = "is another server's";
  else if (!list.starts_with('{'))
    fault = "has no tools";
  if (!fault.empty()) return false;
  JsonCursor cursor(list, limits, false);
  cursor.enter_object();
  std::string_view name;
  while (cursor.next_member(name))
    if (!read_tool(cursor.take_value(), json_unescape(name), tools, fault)) return false;
  return true;
}

}  // namespace weir
