#include "mcp/definition.h"

#include <array>
#include <cstdint>

#include "base/json.h"
#include "base/json_canonical.h"
#include "mcp/header_value.h"

namespace weir {
namespace {

bool is_object(std::string_view raw) { return !raw.empty() && raw.front() == '{'; }
bool is_text(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"'; }

// What a member may hold where it is there at all.
struct Rule {
  std::string_view name;
  char begins;  // the value's first byte
};
constexpr std::array<Rule, 7> kRules = {{{"description", '"'},
                                         {"title", '"'},
                                         {"annotations", '{'},
                                         {"outputSchema", '{'},
                                         {"_meta", '{'},
                                         {"icons", '['},
                                         {"mimeType", '"'}}};

// The code point at `at`, which moves behind it; `text` is valid UTF-8.
std::uint32_t next_point(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint32_t point = size == 1 ? first : first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size && at + i < text.size(); ++i) point = point << 6 | (byte(at + i) & 0x3FU);
  at += size;
  return point;
}

bool within(std::uint32_t point, std::uint32_t first, std::uint32_t last) noexcept {
  return point >= first && point <= last;
}

}  // namespace

std::string_view name_fault(std::string_view name) noexcept {
  bool latin = false;
  bool alike = false;  // letters of scripts that look like Latin ones
  for (std::size_t at = 0; at < name.size();) {
    const std::uint32_t point = next_point(name, at);
    if (point < 0x20 || within(point, 0x7F, 0x9F)) return "has control characters in its name";
    if (is_invisible(point)) return "has characters in its name that nobody sees";
    if (within(point, 0xFF01, 0xFF5E) || within(point, 0x1D400, 0x1D7FF))
      return "has letters in its name that only look like others";
    if (within(point, 0xE000, 0xF8FF) || point == 0xFFFD || (point & 0xFFFEU) == 0xFFFE)
      return "has characters in its name that are none";
    latin = latin || within(point, 'A', 'Z') || within(point, 'a', 'z') || within(point, 0xC0, 0x24F);
    alike =
        alike || within(point, 0x370, 0x3FF) || within(point, 0x400, 0x52F) || within(point, 0x1F00, 0x1FFF);
  }
  return latin && alike ? "mixes scripts in its name whose letters look alike" : std::string_view();
}

std::string read_definition(std::string_view raw, ListKind kind, RawMembers& members) {
  if (!is_object(raw)) return "is no object";
  JsonCursor cursor(raw, JsonLimits(), false);
  std::string_view name;
  bool twice = false;
  cursor.enter_object();
  while (cursor.next_member(name)) {
    const bool plain = cursor.name_plain();
    const std::string_view value = cursor.take_value();
    twice = !members.add(RawMember(name, value), plain) || twice;
  }
  if (twice) return "names a member twice";
  const std::string_view key = list_identity(kind);
  const std::string_view identity = members.find(key);
  if (!is_text(identity) || identity.size() == 2) return "has no " + std::string(key);
  if (has_lone_surrogate(identity)) return "has half of a surrogate pair in its " + std::string(key);
  // A URI is no name to be told apart by; its own rules are its server's.
  if (key == "name")
    if (const std::string_view fault = name_fault(json_unescape(identity)); !fault.empty())
      return std::string(fault);
  if (kind == ListKind::tools && !is_object(members.find("inputSchema")))
    return "has no inputSchema that is an object";
  if (key != "name" && !is_text(members.find("name"))) return "has no name";
  for (const Rule& rule : kRules) {
    const std::string_view value = members.find(rule.name);
    if (!value.empty() && value.front() != rule.begins)
      return "has a " + std::string(rule.name) + " of the wrong type";
  }
  return {};
}

}  // namespace weir
