// The one table of configuration keys: name, shape, documentation and how it is read.
#pragma once

#include <span>
#include <string_view>

#include "config/load.h"

namespace weir::config {

class Reader;

/// One key of a block.
struct Key {
  std::string_view name;
  std::string_view schema;  // a JSON Schema fragment without its outer braces
  std::string_view doc;
  void (*read)(Reader& reader, const YamlNode& node, void* into);
};

/// What a block's reader needs: the environment, and where faults go.
class Reader {
 public:
  Reader(std::string_view text, std::string file, const Environment& environment,
         std::vector<Diagnostic>& out)
      : text_(text), file_(std::move(file)), environment_(environment), out_(out) {}

  void error(const YamlNode& at, std::string message) {
    say(at, Diagnostic::Severity::error, std::move(message));
  }
  void warning(const YamlNode& at, std::string message) {
    say(at, Diagnostic::Severity::warning, std::move(message));
  }

  /// Reads the members of a map by a table. `foreign`: keys that other programs write there, warned about.
  void block(const YamlNode& node, std::span<const Key> keys, void* into,
             std::span<const std::string_view> foreign = {});
  bool text(const YamlNode& node, std::string& into);
  bool texts(const YamlNode& node, std::vector<std::string>& into);
  bool pairs(const YamlNode& node, std::vector<std::pair<std::string, std::string>>& into);
  bool boolean(const YamlNode& node, bool& into);
  bool number(const YamlNode& node, std::uint64_t low, std::uint64_t high, std::uint64_t& into);
  bool duration(const YamlNode& node, std::chrono::milliseconds low, std::chrono::milliseconds& into);
  bool size(const YamlNode& node, std::uint64_t low, std::size_t& into);
  bool address(const YamlNode& node, AddressConfig& into);
  /// The place of the node's text in `words`; -1 after an error that lists them.
  int word(const YamlNode& node, std::span<const std::string_view> words);

 private:
  void say(const YamlNode& at, Diagnostic::Severity severity, std::string message);
  std::string_view text_;
  std::string file_;
  const Environment& environment_;
  std::vector<Diagnostic>& out_;
};

std::span<const Key> top_keys() noexcept;
std::span<const Key> server_keys() noexcept;
/// The block of a nested key; empty for none.
std::span<const Key> block_of(std::string_view key) noexcept;
/// Reads servers or mcpServers.
void read_servers(Reader& reader, const YamlNode& node, void* into);

/// The known name nearest to `name`, if one is near enough.
std::string_view nearest(std::string_view name, std::span<const Key> keys);

}  // namespace weir::config
