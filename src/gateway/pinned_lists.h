// Lists of tools held to their server's pins, as they come in: what was not approved is noted, told, and
// where pins are enforced taken out before any client sees it.
#pragma once

#include <vector>

#include "gateway/lists.h"
#include "gateway/pins.h"

namespace weir {

/// All that one list of tools was read into.
struct ToolsList {
  std::vector<ListPage>& pages;
  Identities& identities;
  ToolTable& table;
};

/// The server's pins; null: it has none, or it is no list of tools.
inline Pins* pins_of(const Plan& plan, std::size_t server, ListKind kind = ListKind::tools) noexcept {
  return kind == ListKind::tools ? plan.pins[server].get() : nullptr;
}
/// The same where they are enforced.
inline Pins* enforced_pins(const Plan& plan, std::size_t server) noexcept {
  Pins* pins = pins_of(plan, server);
  return pins != nullptr && pins->enforced() ? pins : nullptr;
}

/// Judges the tools of a list. Enforced, what was not approved goes from `pages` to what they withhold, and
/// what is new from the rest; names of changed tools stay, so that they lead nowhere else. Errors:
/// upstream_protocol for a result that clients might read otherwise than Weir.
Result<void> hold_to_pins(const Plan& plan, std::size_t server, Pins& pins, const PinLook& look,
                          const ToolsList& list);
/// True if a tool that was listed some time ago may be shown.
bool shown_by_pins(const Plan& plan, std::size_t server, const ListEntry& entry);

}  // namespace weir
