// Configurations of clients made into Weir's: whatever the files hold, the outcome is YAML with as many
// servers as it says, under names that Weir takes, and no text of a file becomes anything but a text.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "config/import.h"
#include "config/load.h"
#include "config/text_rules.h"
#include "config/yaml.h"
#include "fuzz/input.h"

namespace {

// Keys that a server of ours has after an import, and no others.
void check_server(const weir::YamlNode& server) {
  static const std::set<std::string> known = {"url", "command", "type", "args",
                                              "env", "headers", "cwd",  "disabled"};
  WEIR_CHECK(server.is_map() && weir::server_name_fault(server.key, "__").empty());
  WEIR_CHECK((server.find("url") == nullptr) != (server.find("command") == nullptr));
  for (const weir::YamlNode& item : server.items) {
    WEIR_CHECK(known.contains(item.key));
    for (const weir::YamlNode& inner : item.items) WEIR_CHECK(inner.is_scalar());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  weir::fuzz::Input input(data, size);
  std::vector<weir::ImportFile> files;
  for (int i = 0; i < 4 && !input.empty(); ++i)
    files.push_back({"file" + std::to_string(i), std::string(input.text())});
  const weir::ImportOutcome outcome = weir::import_configs(files);
  weir::Diagnostics diagnostics(outcome.yaml, "weir.yaml");
  const auto root = weir::parse_yaml(outcome.yaml, weir::YamlLimits(), diagnostics);
  WEIR_CHECK(root && root->is_map() && root->items.size() == 1 && diagnostics.take().empty());
  const weir::YamlNode* const servers = root->find("servers");
  WEIR_CHECK(servers && servers->is_map() && servers->items.size() == outcome.servers);
  for (const weir::YamlNode& server : servers->items) check_server(server);
  // What can still be wrong is a value: a URL that is none, a name without a meaning.
  const weir::LoadOutcome loaded = weir::load_config(
      outcome.yaml, "weir.yaml", [](std::string_view) { return std::optional<std::string>("value"); });
  for (const weir::Diagnostic& diagnostic : loaded.diagnostics)
    WEIR_CHECK(diagnostic.message.find("unknown key") == std::string::npos);
  for (const std::string& note : outcome.notes) WEIR_CHECK(!note.empty());
  return 0;
}
