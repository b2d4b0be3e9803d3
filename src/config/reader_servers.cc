// The parts of the reader that know what they read: addresses that are bound, servers, and what must fit
// together.
#include <algorithm>

#include "config/reader.h"
#include "config/text_rules.h"

namespace weir {
namespace {

constexpr std::string_view kReach[] = {"url", "endpoints", "command", "builtin"};

std::string quoted(std::string_view name) { return '"' + std::string(name) + '"'; }

// The key that says how the server is reached, the first in the file; nullptr if there is none.
const YamlNode* reach_of(const YamlNode& node) {
  const auto found = std::find_if(node.items.begin(), node.items.end(), [](const YamlNode& item) {
    return std::find(std::begin(kReach), std::end(kReach), item.key) != std::end(kReach);
  });
  return found == node.items.end() ? nullptr : &*found;
}

bool has_url(ServerConfig::Type type) noexcept {
  return type == ServerConfig::Type::http || type == ServerConfig::Type::sse;
}

bool is_by_url(std::string_view reach) noexcept { return reach == "url" || reach == "endpoints"; }

// "a url", "endpoints", "a command".
std::string one_of(std::string_view reach) { return (reach == "endpoints" ? "" : "a ") + std::string(reach); }

std::string_view name_of(ServerConfig::Type type) noexcept {
  if (has_url(type)) return "url";
  return type == ServerConfig::Type::stdio ? "command" : "builtin";
}

// Drops what a client wrote for another sort of server.
void drop_unfit(ServerConfig& server) {
  if (server.type != ServerConfig::Type::stdio) {
    server.args.clear();
    server.env.clear();
    server.cwd.clear();
    server.replicas = 1;
  }
  if (!has_url(server.type)) {
    server.headers.clear();
    server.tls_ca.clear();
    server.resolve_dns = false;
    server.dns_server.clear();
  }
}

}  // namespace

std::vector<ListenConfig> default_listen() {
  ListenConfig one;
  one.address = {"127.0.0.1", 8080};
  return {one};
}

AdminConfig default_admin() {
  AdminConfig admin;
  admin.address = {"127.0.0.1", 9901};
  return admin;
}

Config Reader::config(const YamlNode& root) {
  Config config;
  config_ = &config;
  if (root.is_map())
    keys(root, root_block(), &config);
  else if (!root.is_null())
    diagnostics_.error(root.at, "a configuration is a block of keys, such as servers");
  fill_unset(root, config);
  // Tokens that are there and wrong have been told of.
  const YamlNode* const auth = root.find("auth");
  const YamlNode* const tokens = auth == nullptr ? nullptr : auth->find("bearer_tokens");
  clients_asked_ = !config.auth.bearer_tokens.empty() || (tokens != nullptr && !tokens->items.empty());
  const YamlNode* const admin = root.find("admin");
  const YamlNode* const token = admin == nullptr ? nullptr : admin->find("token");
  operators_asked_ =
      (config.admin && !config.admin->token.empty()) || (token != nullptr && !token->is_null());
  if (auth != nullptr && !clients_asked_)
    diagnostics_.error(auth->at,
                       "\"auth\" needs \"bearer_tokens\", at least one: without the block nobody is asked");
  check_bound(config);
  check_fallbacks(root, config);
  check_pins(root, config);
  for (const DegradationRule& rule : config.degradation)
    for (ServerConfig& server : config.servers)
      server.may_shed = server.may_shed || rule.shed != DegradationRule::Shed::none;
  return config;
}

// Defaults come first among the bound addresses, so that a clash is reported where the other one is written.
void Reader::fill_unset(const YamlNode& root, Config& config) {
  if (root.find("listen") == nullptr) {
    config.listen = default_listen();
    bound_.insert(bound_.begin(), {{1, 1}, config.listen.front().address, Asks::clients});
  }
  if (root.find("admin") == nullptr) {
    config.admin = default_admin();
    bound_.insert(bound_.begin(), {{1, 1}, config.admin->address, Asks::operators});
  }
}

void Reader::value(const YamlNode& node, const Field& field, std::vector<ListenConfig>& out) {
  const bool many = node.is_list();
  if (node.is_null() || (many && node.items.empty())) return error(node, field, "needs at least one address");
  const std::size_t count = many ? node.items.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const YamlNode& item = many ? node.items[i] : node;
    ListenConfig one;
    if (item.is_map()) {
      keys(item, listen_block(), &one);
      if (item.find("address") == nullptr) error(item, field, "needs an address");
      check_tls(item, one.tls);
    } else if (item.is_scalar()) {
      value(item, field, one.address);
    } else {
      wrong(item, field);
    }
    if (!one.address.host.empty())
      bind(item.is_map() ? *item.find("address") : item, one.address, Asks::clients);
    out.push_back(std::move(one));
  }
}

// One half of a pair is no TLS; what serves it must not be left to a guess.
void Reader::check_tls(const YamlNode& node, const ListenTlsConfig& tls) {
  const YamlNode* const block = node.find("tls");
  if (block == nullptr) return;
  if (tls.cert.empty() && block->find("cert") == nullptr)
    diagnostics_.error(block->at, "\"tls\" needs \"cert\", the file of the certificate");
  if (tls.key.empty() && block->find("key") == nullptr)
    diagnostics_.error(block->at, "\"tls\" needs \"key\", the file of the certificate's key");
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<AddressConfig>& out) {
  out.reset();
  if (is_off(node)) return;
  if (!node.is_scalar()) return wrong(node, field);
  AddressConfig found;
  value(node, field, found);
  if (found.host.empty()) return;
  bind(node, found, Asks::nobody);
  out = found;
}

void Reader::value(const YamlNode& node, const Field& field, std::optional<AdminConfig>& out) {
  out.reset();
  if (is_off(node)) return;
  AdminConfig found;
  if (node.is_map()) {
    keys(node, admin_block(), &found);
    if (node.find("address") == nullptr) error(node, field, "needs an address");
    check_tls(node, found.tls);
  } else if (node.is_scalar()) {
    value(node, field, found.address);
  } else {
    wrong(node, field);
  }
  if (found.address.host.empty()) return;
  bind(node.is_map() ? *node.find("address") : node, found.address, Asks::operators);
  out = std::move(found);
}

void Reader::check_bound(const Config& config) {
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const auto& [at, address, asks] = bound_[i];
    const bool twice =
        address.port != 0 && std::any_of(bound_.begin(), bound_.begin() + static_cast<std::ptrdiff_t>(i),
                                         [&](const Bound& other) { return other.address == address; });
    if (twice) diagnostics_.error(at, used_twice_fault(address));
    const bool asked = asks == Asks::clients ? clients_asked_ : operators_asked_;
    // What tells figures only is bound elsewhere on purpose.
    if (asked || asks == Asks::nobody) continue;
    std::string open = open_address_fault(address, asks == Asks::operators, config.allow_unauthenticated);
    if (open.empty()) continue;
    if (config.allow_unauthenticated)
      diagnostics_.warning(at, std::move(open));
    else
      diagnostics_.error(at, std::move(open));
  }
}

void Reader::value(const YamlNode& node, const Field& field, std::vector<ServerConfig>& out) {
  if (!is_block(node, field)) return;
  lenient_ = client_file_ || field.name == "mcpServers";
  for (const YamlNode& item : node.items) {
    ServerConfig one;
    one.name = item.key;
    one.timeout = config_->timeout;
    one.load_balancing = config_->load_balancing;
    one.health_check = config_->health_check;
    one.outlier_detection = config_->outlier_detection;
    one.circuit_breaker = config_->circuit_breaker;
    one.retry = config_->retry;
    one.hedge = config_->hedge;
    one.bulkhead = config_->bulkhead;
    const std::string fault = server_name_fault(item.key, config_->names.separator);
    if (!fault.empty()) diagnostics_.error(item.key_at, "the server name " + quoted(item.key) + ' ' + fault);
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&](const ServerConfig& other) { return other.name == item.key; });
    if (same != out.end()) {
      const int line = server_places_[static_cast<std::size_t>(same - out.begin())].line;
      diagnostics_.error(item.key_at, "duplicate server " + quoted(item.key) + " (first on line " +
                                          std::to_string(line) + ')');
    }
    server(item, field, one);
    server_places_.push_back(item.key_at);
    out.push_back(std::move(one));
  }
  lenient_ = false;
}

void Reader::server(const YamlNode& node, const Field& field, ServerConfig& out) {
  Field inner = field;
  inner.name = node.key;
  inner.shape.kind = Shape::Kind::block;
  if (!is_block(node, inner)) return;
  const std::size_t errors = diagnostics_.errors();
  const YamlNode* reach = reach_of(node);
  // The other types of the top level are meant for servers that have an address.
  if (reach != nullptr && !is_by_url(reach->key)) out.health_check.type = HealthCheckConfig::Type::mcp;
  keys(node, server_block(), &out);
  if (reach == nullptr) {
    // Where a key was refused, that key probably was to say it.
    if (errors == diagnostics_.errors())
      diagnostics_.error(
          node.key_at, "the server " + quoted(node.key) + " needs a url, endpoints, a command or a builtin");
    return;
  }
  bool one = true;
  for (const YamlNode& item : node.items) {
    if (&item == reach || std::find(std::begin(kReach), std::end(kReach), item.key) == std::end(kReach))
      continue;
    diagnostics_.error(item.key_at, "a server has a url, endpoints, a command or a builtin; " +
                                        quoted(node.key) + " has " + reach->key + " and " + item.key);
    one = false;
  }
  if (!one) return;
  settle_type(node, out, node.find("type") != nullptr && errors == diagnostics_.errors());
  check_fit(node, out);
  settle_endpoints(node, out);
}

void Reader::settle_type(const YamlNode& node, ServerConfig& out, bool type_given) {
  const YamlNode& reach = *reach_of(node);
  const ServerConfig::Type written = out.type;
  out.type = is_by_url(reach.key)     ? (has_url(written) ? written : ServerConfig::Type::http)
             : reach.key == "command" ? ServerConfig::Type::stdio
                                      : ServerConfig::Type::builtin;
  if (type_given && written != out.type)
    diagnostics_.error(node.find("type")->at, "this type needs a " + std::string(name_of(written)) +
                                                  ", but the server " + quoted(node.key) + " has " +
                                                  one_of(reach.key));
}

// Keys that do not go with how the server is reached.
void Reader::check_fit(const YamlNode& node, ServerConfig& out) {
  const Field::Goes fits = has_url(out.type)                       ? Field::Goes::with_url
                           : out.type == ServerConfig::Type::stdio ? Field::Goes::with_command
                                                                   : Field::Goes::anywhere;
  for (const YamlNode& item : node.items) {
    const Field* field = server_block().find(item.key);
    if (field == nullptr || field->goes == Field::Goes::anywhere || field->goes == fits) continue;
    const std::string what =
        quoted(item.key) + " goes with a " + (field->goes == Field::Goes::with_url ? "url" : "command");
    if (lenient_)
      diagnostics_.warning(item.key_at, what + " and is ignored");
    else
      diagnostics_.error(
          item.key_at, what + ", but the server " + quoted(node.key) + " has " + one_of(reach_of(node)->key));
  }
  drop_unfit(out);
  if (has_url(out.type) || out.health_check.type == HealthCheckConfig::Type::mcp) return;
  const YamlNode& type = *node.find("health_check")->find("type");
  diagnostics_.error(type.at, "health checks of this type go with a url, but the server " + quoted(node.key) +
                                  " has " + one_of(reach_of(node)->key));
}

// What was approved must outlive a restart, else the next one would approve whatever comes.
void Reader::check_pins(const YamlNode& root, const Config& config) {
  if (!root.is_map() || root.find("state_dir") != nullptr) return;
  for (const char* key : {"servers", "mcpServers"}) {
    const YamlNode* servers = root.find(key);
    if (servers == nullptr || !servers->is_map()) continue;
    for (const YamlNode& node : servers->items) {
      const YamlNode* pin = node.is_map() ? node.find("pin") : nullptr;
      const auto pinned = [&](const ServerConfig& one) {
        return one.name == node.key && one.pin != ServerConfig::Pin::off;
      };
      if (pin != nullptr && std::any_of(config.servers.begin(), config.servers.end(), pinned))
        diagnostics_.error(
            pin->at,
            "\"pin\" needs the top-level \"state_dir\": a directory where it keeps what was approved");
    }
  }
}

// "streamable-http" and "streamableHttp" are what clients write for http.
void Reader::value(const YamlNode& node, const Field& field, ServerConfig::Type& out) {
  if (const auto index = choice(node, field))
    out = *index <= static_cast<std::size_t>(ServerConfig::Type::sse)
              ? static_cast<ServerConfig::Type>(*index)
              : ServerConfig::Type::http;
}

}  // namespace weir
