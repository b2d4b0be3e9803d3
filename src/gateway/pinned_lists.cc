#include "gateway/pinned_lists.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "mcp/splice.h"

namespace weir {
namespace {

bool has_plain_names(std::string_view object) {
  JsonCursor cursor(object, JsonLimits(), false);
  std::unordered_set<std::string> names;
  if (!cursor.enter_object()) return true;
  std::string_view name;
  while (cursor.next_member(name)) {
    if (!names.insert(json_unescape(name)).second) return false;
    cursor.take_value();
  }
  return true;
}

// One server's list goes to clients as it came: a second member of the same name beside the list, which is
// not read here, would be what some of them read.
bool is_plain(const ListPage& page) {
  return has_plain_names(page.response.text()) && has_plain_names(page.response.result());
}

std::vector<ToolDefinition> definitions_of(const std::vector<ListPage>& pages) {
  std::vector<ToolDefinition> out;
  for (const ListPage& page : pages)
    for (const ListEntry& entry : page.entries) out.push_back(define_tool(entry.identity, entry.raw));
  // What clients could not read is not what was approved under its name, either. Behind all others.
  for (const ListPage& page : pages)
    for (const auto& [name, fault] : page.faults) {
      if (name.empty()) continue;
      out.emplace_back();
      out.back().tool = name;
      out.back().fault = "its definition " + fault;
    }
  bound_definitions(out);
  return out;
}

std::vector<std::uint32_t> endpoints_of(const Upstream& upstream) {
  std::vector<std::uint32_t> out;
  const auto set = upstream.endpoints();
  for (const SetMember& member : set->members)
    if (!member.draining) out.push_back(member.endpoint->number());
  return out;
}

void withhold(const ToolsList& list, const std::vector<PinState>& states) {
  std::size_t at = 0;
  std::unordered_set<std::string> fresh;
  list.identities.clear();
  for (ListPage& page : list.pages) {
    std::vector<ListEntry> shown;
    for (ListEntry& entry : page.entries) {
      const PinState state = states[at++];
      if (state == PinState::fresh)
        fresh.insert(entry.identity);
      else
        list.identities.push_back(entry.identity);
      if (state == PinState::approved)
        shown.push_back(std::move(entry));
      else
        page.withheld.push_back(entry.raw);
    }
    page.entries = std::move(shown);
  }
  for (const std::string& tool : fresh) {
    list.table.params.erase(tool);
    list.table.repeatable.erase(tool);
  }
}

}  // namespace

Result<void> hold_to_pins(const Plan& plan, std::size_t server, Pins& pins, const PinLook& look,
                          const ToolsList& list) {
  if (!std::all_of(list.pages.begin(), list.pages.end(), is_plain))
    return fail(Error::Kind::upstream_protocol, Error::Side::upstream, Error::Sent::maybe,
                "its list of tools names a member twice");
  const std::vector<PinState> states =
      pins.note(definitions_of(list.pages), look, endpoints_of(*plan.servers[server]));
  if (pins.enforced()) withhold(list, states);
  return {};
}

bool shown_by_pins(const Plan& plan, std::size_t server, const ListEntry& entry) {
  const Pins* pins = enforced_pins(plan, server);
  return pins == nullptr || pins->judge(define_tool(entry.identity, entry.raw)) == PinState::approved;
}

}  // namespace weir
