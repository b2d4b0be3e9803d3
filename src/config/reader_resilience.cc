// The parts of the reader for the values of resilience: blocks that may be `false`, values that may be left
// out, and the delay of a hedge.
#include <algorithm>

#include "config/reader.h"

namespace weir {

bool Reader::is_off(const YamlNode& node) noexcept {
  return node.is_scalar() && node.plain && node.text == "false";
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<bool>& out) {
  bool flag = false;
  const std::size_t before = diagnostics_.errors();
  value(node, field, flag);
  if (before == diagnostics_.errors()) out = flag;
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<std::size_t>& out) {
  std::size_t number = 0;
  const std::size_t before = diagnostics_.errors();
  value(node, field, number);
  if (before == diagnostics_.errors()) out = number;
}

void Reader::value(const YamlNode& node, const Field& field, HedgeDelay& out) {
  const auto found = word(node, field);
  if (!found) return;
  if (found->starts_with('p')) {
    const std::string_view digits = std::string_view(*found).substr(1);
    const bool two =
        digits.size() == 2 && digits[0] >= '5' && digits[0] <= '9' && digits[1] >= '0' && digits[1] <= '9';
    if (!two) return wrong(node, field);
    out.fixed.reset();
    out.percentile = static_cast<unsigned>(10 * (digits[0] - '0') + digits[1] - '0');
    return;
  }
  std::chrono::milliseconds time(-1);
  value(node, field, time);
  if (time.count() >= 0) out.fixed = time;
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<FallbackConfig>& out) {
  if (!node.is_map()) return wrong(node, field);
  FallbackConfig fallback;
  keys(node, fallback_block(), &fallback);
  const bool server = node.find("server") != nullptr;
  if (server == (node.find("text") != nullptr)) error(node, field, "needs a server or a text, not both");
  if (server && node.find("error") != nullptr) error(node, field, "has an error only with a text");
  out = std::move(fallback);
}

void Reader::value(const YamlNode& node, const Field& field, std::vector<DegradationRule>& out) {
  if (node.is_null()) return;
  if (!node.is_list()) return wrong(node, field);
  for (const YamlNode& item : node.items) {
    if (!item.is_map()) {
      wrong(item, field);
      continue;
    }
    DegradationRule rule;
    keys(item, degradation_block(), &rule);
    if (item.find("when") == nullptr) error(item, field, "needs a when");
    const bool acts = !rule.hedge || !rule.retry || rule.shed != DegradationRule::Shed::none;
    if (!acts) error(item, field, "changes nothing: it needs hedge: false, retry: false or shed");
    out.push_back(rule);
  }
}

void Reader::check_fallback(const YamlNode* node, const Config& config, const ServerConfig& server) {
  const YamlNode* name = node == nullptr || !node->is_map() ? nullptr : node->find("server");
  if (name == nullptr || !name->is_scalar() || name->text.find("${") != std::string::npos) return;
  if (name->text == server.name) return diagnostics_.error(name->at, "a server cannot stand in for itself");
  const bool there = std::any_of(config.servers.begin(), config.servers.end(), [&](const ServerConfig& one) {
    return one.name == name->text && !one.disabled;
  });
  if (!there) diagnostics_.error(name->at, "there is no server \"" + name->text + '"');
}

// Once all servers are known.
void Reader::check_fallbacks(const YamlNode& root, const Config& config) {
  if (!root.is_map()) return;
  for (const char* key : {"servers", "mcpServers"}) {
    const YamlNode* servers = root.find(key);
    if (servers == nullptr || !servers->is_map()) continue;
    for (const YamlNode& node : servers->items) {
      const auto server = std::find_if(config.servers.begin(), config.servers.end(),
                                       [&](const ServerConfig& one) { return one.name == node.key; });
      if (!node.is_map() || server == config.servers.end()) continue;
      check_fallback(node.find("fallback"), config, *server);
      const YamlNode* tools = node.find("tools");
      if (tools == nullptr || !tools->is_map()) continue;
      for (const YamlNode& tool : tools->items)
        if (tool.is_map()) check_fallback(tool.find("fallback"), config, *server);
    }
  }
}

}  // namespace weir
