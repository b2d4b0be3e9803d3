#include "config/load.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/json_comments.h"
#include "config/reader.h"

namespace weir {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_json(std::string_view name) noexcept { return name.ends_with(".json") || name.ends_with(".jsonc"); }

LoadOutcome unreadable(const std::string& path, const std::string& why) {
  Diagnostics diagnostics({}, path);
  diagnostics.error({0, 0}, "cannot read the file: " + why);
  return {std::nullopt, diagnostics.take()};
}

}  // namespace

LoadOutcome load_config(std::string_view text, std::string file_name, const Environment& environment) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const bool json = is_json(file_name);
  Diagnostics diagnostics(text, std::move(file_name));
  const YamlLimits limits;
  const std::string blanked =
      json && text.size() <= limits.bytes_max ? blank_json_comments(text) : std::string();
  const auto root = parse_yaml(blanked.empty() ? text : blanked, limits, diagnostics);
  if (!root) return {std::nullopt, diagnostics.take()};
  const bool client_file = json || root->find("mcpServers") != nullptr;
  Reader reader(environment, diagnostics, client_file);
  Config config = reader.config(*root);
  LoadOutcome outcome;
  if (!diagnostics.failed()) outcome.config = std::move(config);
  outcome.diagnostics = diagnostics.take();
  return outcome;
}

LoadOutcome load_config_file(const std::string& path, const Environment& environment) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(path, std::strerror(errno));
  std::string text;
  const std::size_t most = YamlLimits().bytes_max + 1;  // one more, so that a larger file is refused as such
  text.resize(most);
  file.read(text.data(), static_cast<std::streamsize>(most));
  if (file.bad() || (file.fail() && !file.eof()))
    return unreadable(path, std::strerror(errno == 0 ? EIO : errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return load_config(text, path, environment);
}

Config default_config() {
  Config config;
  config.listen = default_listen();
  config.admin = default_admin();
  ServerConfig demo;
  demo.name = "demo";
  demo.type = ServerConfig::Type::builtin;
  demo.builtin = "demo";
  config.servers.push_back(std::move(demo));
  return config;
}

}  // namespace weir
