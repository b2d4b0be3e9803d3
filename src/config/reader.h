// From the YAML tree to Config, driven by the table of keys. Goes on after an error, so that all are reported
// at once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/describe.h"
#include "config/diagnostic.h"
#include "config/variables.h"

namespace weir {

/// What an unset `listen` and an unset `admin` mean.
std::vector<ListenConfig> default_listen();
AdminConfig default_admin();

/// Reads one file.
class Reader {
 public:
  /// `client_file`: written by a client rather than for Weir; what clients are known to write is then ignored
  /// with a warning. All three outlive the reader.
  Reader(const Environment& environment, Diagnostics& diagnostics, bool client_file)
      : environment_(environment), diagnostics_(diagnostics), client_file_(client_file) {}

  /// The whole file. Complete only if no error was added.
  Config config(const YamlNode& root);

  /// One value each; an error leaves `out` as it was.
  void value(const YamlNode& node, const Field& field, bool& out);
  void value(const YamlNode& node, const Field& field, unsigned& out);
  void value(const YamlNode& node, const Field& field, std::size_t& out);
  void value(const YamlNode& node, const Field& field, std::chrono::milliseconds& out);
  void value(const YamlNode& node, const Field& field, std::optional<std::chrono::milliseconds>& out);
  void value(const YamlNode& node, const Field& field, double& out);
  void value(const YamlNode& node, const Field& field, std::string& out);
  void value(const YamlNode& node, const Field& field, AddressConfig& out);
  void value(const YamlNode& node, const Field& field, std::vector<std::string>& out);
  void value(const YamlNode& node, const Field& field, std::vector<std::pair<std::string, std::string>>& out);
  void value(const YamlNode& node, const Field& field, std::map<std::string, LogLevel>& out);
  void value(const YamlNode& node, const Field& field, std::map<std::string, ToolConfig>& out);
  void value(const YamlNode& node, const Field& field, std::optional<bool>& out);
  void value(const YamlNode& node, const Field& field, std::optional<std::size_t>& out);
  void value(const YamlNode& node, const Field& field, HedgeDelay& out);
  void value(const YamlNode& node, const Field& field, std::optional<FallbackConfig>& out);
  void value(const YamlNode& node, const Field& field, std::vector<DegradationRule>& out);
  void value(const YamlNode& node, const Field& field, ServerConfig::Type& out);
  void value(const YamlNode& node, const Field& field, std::vector<std::size_t>& out);
  void value(const YamlNode& node, const Field& field, std::map<std::string, std::size_t>& out);
  void value(const YamlNode& node, const Field& field, std::vector<EndpointConfig>& out);
  void value(const YamlNode& node, const Field& field, std::vector<ListenConfig>& out);
  void value(const YamlNode& node, const Field& field, std::optional<AddressConfig>& out);
  void value(const YamlNode& node, const Field& field, std::optional<AdminConfig>& out);
  void value(const YamlNode& node, const Field& field, std::vector<ServerConfig>& out);
  void value_of_resolve(const YamlNode& node, const Field& field, ServerConfig& out);
  void value_of_hash_key(const YamlNode& node, const Field& field, LoadBalancingConfig& out);
  /// An enumeration, whose values follow the choices; or a block.
  template <class V>
  void value(const YamlNode& node, const Field& field, V& out) {
    if constexpr (std::is_enum_v<V>) {
      if (const auto index = choice(node, field))
        out = static_cast<V>(*index);
      else
        refused_.push_back(&field);
    } else if constexpr (requires { out.enabled; }) {
      if (field.shape.switchable && is_off(node)) {
        out.enabled = false;
      } else if (is_block(node, field)) {
        out.enabled = field.shape.switchable || out.enabled;
        keys(node, *field.shape.block, &out);
      }
    } else if (is_block(node, field)) {
      keys(node, *field.shape.block, &out);
    }
  }

 private:
  /// Who asks callers on an address who they are.
  enum class Asks : std::uint8_t { clients, operators, nobody };
  struct Bound {
    Position at;
    AddressConfig address;
    Asks asks;
  };

  void keys(const YamlNode& node, const Block& block, void* owner);
  void key(const YamlNode& item, const Block& block, void* owner, bool late);
  void unknown(const YamlNode& item, const Block& block);
  bool foreign(const YamlNode& item, const Block& block);
  void server(const YamlNode& node, const Field& field, ServerConfig& out);
  void settle_type(const YamlNode& node, ServerConfig& out, bool type_given);
  void check_fit(const YamlNode& node, ServerConfig& out);
  void check_condition(const YamlNode& item, const Block& block, const Field& field, const void* owner);
  void settle_endpoints(const YamlNode& node, ServerConfig& out);
  void merge_weights(const YamlNode& node, ServerConfig& out);
  void check_endpoints(const YamlNode& node, const ServerConfig& server);
  void fill_unset(const YamlNode& root, Config& config);
  void check_bound(const Config& config);
  void check_tls(const YamlNode& node, const ListenTlsConfig& tls);
  void check_fallbacks(const YamlNode& root, const Config& config);
  void check_pins(const YamlNode& root, const Config& config);
  void check_fallback(const YamlNode* node, const Config& config, const ServerConfig& server);
  void bind(const YamlNode& node, const AddressConfig& address, Asks asks) {
    bound_.push_back({node.at, address, asks});
  }

  void error(const YamlNode& node, const Field& field, const std::string& what);
  void wrong(const YamlNode& node, const Field& field) {
    error(node, field, "must be " + expected(field.shape));
  }
  bool is_block(const YamlNode& node, const Field& field);
  static bool is_off(const YamlNode& node) noexcept;
  std::optional<std::string> text(const YamlNode& node, const Field& field);
  std::optional<std::string> word(const YamlNode& node, const Field& field);
  std::optional<std::size_t> choice(const YamlNode& node, const Field& field);
  bool name_fits(const YamlNode& item, const Field& field);
  Position place_in(const YamlNode& node, std::string_view part) const;

  const Environment& environment_;
  Diagnostics& diagnostics_;
  bool client_file_;
  Config* config_ = nullptr;
  std::vector<Bound> bound_;
  bool clients_asked_ = false;           // tokens are written, be they wrong
  bool operators_asked_ = false;         // the same
  std::vector<Position> server_places_;  // of config_->servers
  std::vector<const Field*> refused_;    // choices that were none: nothing is known of what depends on them
  bool lenient_ = false;                 // inside a client's block of servers
};

}  // namespace weir
