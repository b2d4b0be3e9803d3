#include "gateway/tool_pin.h"

#include <algorithm>
#include <unordered_map>

#include "base/json_canonical.h"
#include "mcp/splice.h"

namespace weir {
namespace {

// Source: MCP schema.ts of each revision, Tool.
bool knows(Revision revision, std::string_view member) noexcept {
  if (member == "annotations") return revision >= Revision::v2025_03_26;
  if (member == "title" || member == "outputSchema" || member == "_meta")
    return revision >= Revision::v2025_06_18;
  if (member == "icons") return revision >= Revision::v2025_11_25;
  if (member == "execution") return revision == Revision::v2025_11_25;
  return true;
}

// True if `seen` is `pinned` without what its revision has no words for.
bool same_but_for_revision(std::string_view pinned, std::string_view seen, Revision revision) {
  const RawMembers before = members_of(pinned);
  const RawMembers now = members_of(seen);
  for (std::size_t i = 0; i < now.size(); ++i)
    if (before.find(now[i].name) != now[i].value) return false;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (now.find(before[i].name).empty() && knows(revision, before[i].name)) return false;
  return true;
}

std::string_view fault_word(JsonFault fault) noexcept {
  return fault == JsonFault::duplicate ? "its definition names a member twice"
         : fault == JsonFault::members ? "its definition is longer than 256KB"
                                       : "its definition is no valid JSON";
}

}  // namespace

std::string_view to_string(PinState state) noexcept {
  return state == PinState::approved ? "approved" : state == PinState::changed ? "changed" : "new";
}

ToolDefinition define_tool(std::string tool, std::string_view raw) {
  ToolDefinition out;
  out.tool = std::move(tool);
  const JsonFault fault = json_canonical(out.canonical, raw, kDefinitionMax);
  if (fault != JsonFault::none)
    out.fault = fault_word(fault);
  else
    out.digest = sha256(out.canonical);
  return out;
}

void bound_definitions(std::vector<ToolDefinition>& list) {
  std::size_t bytes = 0;
  std::unordered_map<std::string_view, std::size_t> of_name;
  for (std::size_t i = 0; i < list.size(); ++i) {
    bytes += list[i].canonical.size();
    const bool fits = bytes <= kDefinitionsMax && i < kPinnedToolsMax;
    // Each is held against each that was approved under its name.
    if (++of_name[list[i].tool] <= kOfOneNameMax && fits) continue;
    list[i].canonical.clear();
    list[i].digest = {};
    if (list[i].fault.empty())
      list[i].fault = fits ? "its server lists more than 4 tools of this name"
                           : "its server's list is too long: over 8MB, or 10,000 tools";
  }
}

const PinnedDefinition* matching_pin(const std::vector<PinnedDefinition>& pins, const ToolDefinition& seen,
                                     Revision revision) noexcept {
  if (!seen.fault.empty()) return nullptr;
  for (const PinnedDefinition& pin : pins)
    if (pin.digest == seen.digest) return &pin;
  for (const PinnedDefinition& pin : pins)
    if (same_but_for_revision(pin.canonical, seen.canonical, revision)) return &pin;
  return nullptr;
}

std::vector<PinDifference> differing_members(std::string_view before, std::string_view after) {
  std::vector<PinDifference> out;
  if (before.empty() || after.empty()) return out;
  const RawMembers old = members_of(before);
  const RawMembers now = members_of(after);
  const auto add = [&out](std::string_view name, std::string_view one, std::string_view other) {
    out.push_back({json_unescape(name), std::string(one), std::string(other)});
  };
  for (std::size_t i = 0; i < old.size(); ++i)
    if (const std::string_view other = now.find(old[i].name); other != old[i].value)
      add(old[i].name, old[i].value, other);
  for (std::size_t i = 0; i < now.size(); ++i)
    if (old.find(now[i].name).empty()) add(now[i].name, {}, now[i].value);
  std::sort(out.begin(), out.end(),
            [](const PinDifference& one, const PinDifference& other) { return one.name < other.name; });
  return out;
}

std::string first_line(std::string_view canonical) {
  constexpr std::size_t kLineMax = 120;
  if (canonical.empty()) return {};
  const std::string_view raw = members_of(canonical).find("description");
  std::string text = raw.starts_with('"') ? json_unescape(raw) : std::string();
  text = text.substr(0, text.find('\n'));
  if (text.size() <= kLineMax) return text;
  std::size_t end = kLineMax;
  while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

}  // namespace weir
