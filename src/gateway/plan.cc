#include "gateway/plan.h"

#include <algorithm>

namespace weir {

NameRules name_rules(const Config& config) {
  NameRules rules;
  rules.separator = config.names.separator;
  const auto enabled = std::count_if(config.servers.begin(), config.servers.end(),
                                     [](const ServerConfig& server) { return !server.disabled; });
  rules.prefixed = config.names.prefix == NamesConfig::Prefix::always ||
                   (config.names.prefix == NamesConfig::Prefix::automatic && enabled > 1);
  return rules;
}

namespace {

ToolHeaders headers_of(const ToolTable* table) noexcept {
  return table == nullptr || table->params.empty() ? ToolHeaders::none : ToolHeaders::some;
}

void note_tool_facts(const Plan& plan, std::size_t server, const ToolTable* table) {
  plan.tool_headers[server] = headers_of(table);
  plan.repeatable_tools[server] = table != nullptr && !table->repeatable.empty();
}

}  // namespace

void begin_tool_facts(Plan& plan) {
  const auto catalogue = plan.catalogue->load();
  plan.tool_headers = std::make_unique<std::atomic<ToolHeaders>[]>(plan.servers.size());
  plan.repeatable_tools = std::make_unique<std::atomic<bool>[]>(plan.servers.size());
  for (std::size_t i = 0; i < plan.servers.size(); ++i)
    if (catalogue->seen(ListKind::tools, i)) note_tool_facts(plan, i, catalogue->tool_table(i).get());
}

namespace {

bool same(const Catalogue& now, ListKind kind, std::size_t server, const Identities& identities,
          const ToolTable& table) {
  const auto& seen = now.seen(kind, server);
  if (!seen || *seen != identities) return false;
  if (kind != ListKind::tools) return true;
  const auto& known = now.tool_table(server);
  return known ? *known == table : table.empty();
}

// Tools that are withheld from now on.
std::vector<std::pair<std::string, std::string>> newly_withheld(const Catalogue& before, std::size_t server,
                                                                const ToolTable& table) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [tool, rules] : table.params) {
    const ParamRules* known = before.params(server, tool);
    if (!rules.fault.empty() && (known == nullptr || known->fault.empty()))
      out.emplace_back(tool, rules.fault);
  }
  return out;
}

}  // namespace

void note_seen(const Plan& plan, ListKind kind, std::size_t server, Identities identities, ToolTable table) {
  const bool tools = kind == ListKind::tools;
  if (same(*plan.catalogue->load(), kind, server, identities, table)) return;
  std::vector<std::pair<std::string, std::string>> withheld;
  {
    std::lock_guard lock(*plan.catalogue_lock);
    const auto now = plan.catalogue->load();
    if (same(*now, kind, server, identities, table)) return;
    std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen(plan.servers.size());
    std::vector<std::shared_ptr<const ToolTable>> tables(plan.servers.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      for (std::size_t k = 0; k < kListKinds; ++k) seen[i][k] = now->seen(static_cast<ListKind>(k), i);
      tables[i] = now->tool_table(i);
    }
    seen[server][static_cast<std::size_t>(kind)] = std::make_shared<const Identities>(std::move(identities));
    if (tools) {
      withheld = newly_withheld(*now, server, table);
      tables[server] = table.empty() ? nullptr : std::make_shared<const ToolTable>(std::move(table));
    }
    const std::shared_ptr<const ToolTable> own = tables[server];
    plan.catalogue->publish(
        std::make_shared<const Catalogue>(plan.names, now->servers(), std::move(seen), std::move(tables)));
    if (tools) note_tool_facts(plan, server, own.get());
  }
  if (!plan.tool_withheld) return;
  for (const auto& [tool, reason] : withheld) plan.tool_withheld(plan.servers[server]->name(), tool, reason);
}

}  // namespace weir
