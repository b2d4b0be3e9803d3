#include "config/load.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/units.h"
#include "base/url.h"
#include "config/keys.h"

namespace weir {
namespace {

using config::Key;
using config::Reader;

bool loopback(std::string_view host) {
  return host == "::1" || host == "localhost" || host.starts_with("127.");
}

// What no single key can say: times before servers, addresses and authentication, names that could be mixed
// up.
void check_whole(Reader& reader, const YamlNode& root, Config& config) {
  const YamlNode* listen = root.find("listen");
  for (const ListenConfig& one : config.listen)
    if (!loopback(one.address.host)) {
      if (!config.allow_unauthenticated)
        reader.error(listen == nullptr ? root : *listen,
                     "everybody who reaches " + one.address.host +
                         " could call every tool: bind loopback, or set allow_unauthenticated: true");
      else
        reader.warning(*listen, "no authentication, and " + one.address.host + " is not loopback");
    }
  const YamlNode* admin = root.find("admin");
  if (config.admin && !loopback(config.admin->host) && !config.allow_unauthenticated)
    reader.error(admin == nullptr ? root : *admin,
                 "the operators' address must be loopback, or set allow_unauthenticated: true");
  for (const char* block : {"servers", "mcpServers"}) {
    const YamlNode* servers = root.find(block);
    if (servers == nullptr) continue;
    for (const auto& [name, value] : servers->members)
      if (name.text.find(config.names.separator) != std::string::npos &&
          config.names.prefix != NamesConfig::Prefix::never)
        reader.error(name, "a server's name must not hold the separator \"" + config.names.separator + "\"");
  }
}

void order(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
}

}  // namespace

std::optional<AddressConfig> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  AddressConfig address;
  const auto [end, trouble] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (trouble != std::errc() || end != port.data() + port.size() || host.empty()) return std::nullopt;
  if (host.find_first_not_of("0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ.:-") !=
      std::string_view::npos)
    return std::nullopt;
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  return address;
}

Config default_config() {
  Config config;
  ListenConfig listen;
  listen.address = *parse_address("127.0.0.1:8080");
  config.listen.push_back(listen);
  config.admin = *parse_address("127.0.0.1:9901");
  ServerConfig demo;
  demo.name = "demo";
  demo.type = ServerConfig::Type::builtin;
  demo.builtin = "demo";
  config.servers.push_back(demo);
  return config;
}

LoadOutcome load_config(std::string_view text, const std::string& file, const Environment& environment) {
  LoadOutcome outcome;
  YamlNode root;
  root.kind = YamlNode::Kind::map;
  const bool json = file.ends_with(".json") || file.ends_with(".jsonc");
  if (!parse_yaml(text, file, json, root, outcome.diagnostics)) return outcome;
  Config config = default_config();
  config.servers.clear();
  Reader reader(text, file, environment, outcome.diagnostics);
  // Times first: a server's block is laid over them, wherever it stands in the file.
  if (root.kind == YamlNode::Kind::map)
    std::stable_partition(root.members.begin(), root.members.end(),
                          [](const auto& member) { return member.first.text == "timeout"; });
  reader.block(root, config::top_keys(), &config);
  if (root.kind == YamlNode::Kind::map) check_whole(reader, root, config);
  order(outcome.diagnostics);
  const bool failed =
      std::any_of(outcome.diagnostics.begin(), outcome.diagnostics.end(),
                  [](const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; });
  if (!failed) outcome.config = std::move(config);
  return outcome;
}

LoadOutcome load_config_file(const std::string& path, const Environment& environment) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  if (!in) {
    LoadOutcome outcome;
    Diagnostic diagnostic;
    diagnostic.file = path;
    diagnostic.message = "the file cannot be read";
    outcome.diagnostics.push_back(std::move(diagnostic));
    return outcome;
  }
  return load_config(text.str(), path, environment);
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::string starter_config() {
  return R"(# yaml-language-server: $schema=./weir.schema.json
# `weir check weir.yaml` says what is wrong with this file, `weir run weir.yaml` serves it.
listen: 127.0.0.1:8080
admin: 127.0.0.1:9901

servers:
  demo: {builtin: demo}
  # files:
  #   command: npx
  #   args: [-y, "@modelcontextprotocol/server-filesystem", /srv/files]
  # search:
  #   url: https://search.example.com/mcp
  #   headers: {Authorization: "Bearer ${SEARCH_TOKEN}"}

# timeout: {request: 5m, connect: 5s, list: 1s, startup: 15s}
# log: {level: info, format: json, access: errors}
)";
}

namespace {

void append_schema(std::string& out, std::span<const Key> keys, bool closed) {
  out += closed ? R"("type":"object","additionalProperties":false,"properties":{)"
                : R"("type":"object","properties":{)";
  bool first = true;
  for (const Key& key : keys) {
    if (!first) out += ',';
    first = false;
    json_append_string(out, key.name);
    out += R"(:{"description":)";
    json_append_string(out, key.doc);
    out += ',';
    if (key.name == "servers" || key.name == "mcpServers") {
      out += R"("type":"object","additionalProperties":{)";
      append_schema(out, config::server_keys(), false);  // clients write keys of their own there
      out += '}';
    } else if (const auto block = config::block_of(key.name); !block.empty()) {
      append_schema(out, block, true);
    } else {
      out += key.schema;
    }
    out += '}';
  }
  out += '}';
}

// Arguments that carry secrets by their look: --token X, --api-key=X, PASSWORD=X.
bool secret_name(std::string_view text) {
  std::string low;
  for (const char c : text) low += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (const char* word : {"token", "secret", "password", "passwd", "key", "auth", "credential"})
    if (low.find(word) != std::string::npos) return true;
  return false;
}

}  // namespace

std::string config_schema() {
  std::string out = R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Weir",)";
  append_schema(out, config::top_keys(), true);
  out += "}\n";
  return out;
}

std::string redacted_json(const Config& config) {
  std::string out = "{\"listen\":[";
  const auto text = [&](std::string_view value) { json_append_string(out, value); };
  const auto member = [&](std::string_view name) {
    if (out.back() != '{' && out.back() != '[') out += ',';
    text(name);
    out += ':';
  };
  const auto strings = [&](const std::vector<std::string>& list) {
    out += '[';
    for (const std::string& one : list) {
      if (out.back() != '[') out += ',';
      text(one);
    }
    out += ']';
  };
  const auto address = [](const AddressConfig& one) {
    return (one.host.find(':') == std::string::npos ? one.host : "[" + one.host + "]") + ":" +
           std::to_string(one.port);
  };
  const auto times = [&](const TimeoutConfig& one) {
    out += "{\"request\":\"" + format_duration(one.request) + "\",\"connect\":\"" +
           format_duration(one.connect) + "\",\"list\":\"" + format_duration(one.list) + "\",\"startup\":\"" +
           format_duration(one.startup) + "\"}";
  };
  for (const ListenConfig& one : config.listen) {
    if (out.back() != '[') out += ',';
    text(address(one.address));
  }
  out += ']';
  member("admin");
  if (config.admin)
    text(address(*config.admin));
  else
    out += "false";
  member("threads");
  out += config.threads == 0 ? "\"auto\"" : std::to_string(config.threads);
  member("allowed_origins");
  strings(config.allowed_origins);
  member("allowed_hosts");
  strings(config.allowed_hosts);
  member("limits");
  out += "{\"body\":\"" + format_size(config.limits.body) + "\",\"header\":\"" +
         format_size(config.limits.header) + "\",\"message\":\"" + format_size(config.limits.message) +
         "\",\"connections\":" + std::to_string(config.limits.connections) + "}";
  member("timeout");
  times(config.timeout);
  member("servers");
  out += '{';
  for (const ServerConfig& server : config.servers) {
    member(server.name);
    out += '{';
    if (!server.url.empty()) {
      member("url");
      text(display_url(server.url));
    }
    if (!server.builtin.empty()) {
      member("builtin");
      text(server.builtin);
    }
    if (!server.command.empty()) {
      member("command");
      text(server.command);
      std::vector<std::string> args = server.args;
      for (std::size_t i = 0; i < args.size(); ++i) {
        const std::size_t equals = args[i].find('=');
        if (equals != std::string::npos && secret_name(std::string_view(args[i]).substr(0, equals)))
          args[i] = args[i].substr(0, equals + 1) + "***";
        else if (i > 0 && server.args[i - 1].starts_with("-") &&
                 server.args[i - 1].find('=') == std::string::npos && secret_name(server.args[i - 1]))
          args[i] = "***";
      }
      member("args");
      strings(args);
    }
    const auto hidden = [&](std::string_view name,
                            const std::vector<std::pair<std::string, std::string>>& pairs) {
      if (pairs.empty()) return;
      member(name);
      out += '{';
      for (const auto& [key, value] : pairs) {
        member(key);
        text("***");
      }
      out += '}';
    };
    hidden("headers", server.headers);
    hidden("env", server.env);
    if (server.disabled) {
      member("disabled");
      out += "true";
    }
    member("timeout");
    times(server.timeout);
    out += '}';
  }
  out += "}}";
  return out;
}

}  // namespace weir
