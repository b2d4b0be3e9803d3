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

void note_seen(const Plan& plan, ListKind kind, std::size_t server, Identities identities) {
  const auto same = [&](const Catalogue& now) {
    const auto& seen = now.seen(kind, server);
    return seen && *seen == identities;
  };
  if (same(*plan.catalogue->load())) return;
  std::lock_guard lock(*plan.catalogue_lock);
  const auto now = plan.catalogue->load();
  if (same(*now)) return;
  std::vector<std::array<std::shared_ptr<const Identities>, kListKinds>> seen(plan.servers.size());
  for (std::size_t i = 0; i < seen.size(); ++i)
    for (std::size_t k = 0; k < kListKinds; ++k) seen[i][k] = now->seen(static_cast<ListKind>(k), i);
  seen[server][static_cast<std::size_t>(kind)] = std::make_shared<const Identities>(std::move(identities));
  plan.catalogue->publish(std::make_shared<const Catalogue>(plan.names, now->servers(), std::move(seen)));
}

}  // namespace weir
