// Every key changes the struct, and every default written in the table is the struct's own.
#include <gtest/gtest.h>

#include <functional>

#include "config/config_test_support.h"
#include "config/describe.h"

namespace weir {
namespace {

using config_test::loaded;
using config_test::server;
using namespace std::chrono_literals;

TEST(ConfigKeys, AnEmptyFileIsAllDefaults) {
  Config expected = default_config();
  expected.servers.clear();
  EXPECT_EQ(loaded(""), expected);
  EXPECT_EQ(loaded("# nothing\n"), expected);
  EXPECT_EQ(loaded("servers:\nlog:\nlimits: {}\n"), expected);
  EXPECT_EQ(expected.listen.front().address, (AddressConfig{"127.0.0.1", 8080}));
  EXPECT_EQ(expected.admin->address, (AddressConfig{"127.0.0.1", 9901}));
}

TEST(ConfigKeys, TheDefaultIsTheDemoServer) {
  const std::string text = "servers: {demo: {builtin: demo}}";
  EXPECT_EQ(loaded(text), default_config());
}

TEST(ConfigKeys, EveryKeyActs) {
  const struct {
    std::string_view text;
    std::function<void(Config&)> change;
  } cases[] = {
      {"threads: 4", [](Config& c) { c.threads = 4; }},
      {"threads: auto", [](Config&) {}},
      {"$schema: ./weir.schema.json", [](Config&) {}},
      {"listen: 127.0.0.1:9000", [](Config& c) { c.listen[0].address.port = 9000; }},
      {"listen: \"[::1]:${PORT}\"",
       [](Config& c) {
         c.listen[0].address = {"::1", 8099};
       }},
      {"listen: {address: localhost:1, allowed_hosts: [a.b], error_status: http}",
       [](Config& c) {
         c.listen[0] = {{"localhost", 1}, {}, {"a.b"}, true};
       }},
      {"listen: {address: 127.0.0.1:0, error_status: jsonrpc}",
       [](Config& c) { c.listen[0].address.port = 0; }},
      {"listen: [127.0.0.1:1, {address: 127.0.0.1:2}]",
       [](Config& c) {
         c.listen = {{{"127.0.0.1", 1}, {}, {}, false}, {{"127.0.0.1", 2}, {}, {}, false}};
       }},
      {"listen: {address: 127.0.0.1:1, tls: {cert: c.pem, key: k.pem}}",
       [](Config& c) {
         c.listen[0] = {{"127.0.0.1", 1}, {"c.pem", "k.pem"}, {}, false};
       }},
      {"admin: 127.0.0.1:1", [](Config& c) { c.admin->address.port = 1; }},
      {"admin: {address: 127.0.0.1:1}", [](Config& c) { c.admin->address.port = 1; }},
      {"admin: {address: 127.0.0.1:1, token: t0, tls: {cert: c.pem, key: k.pem}}",
       [](Config& c) {
         c.admin = {{"127.0.0.1", 1}, "t0", {"c.pem", "k.pem"}};
       }},
      {"metrics_listen: 0.0.0.0:9902",
       [](Config& c) {
         c.metrics_listen = {"0.0.0.0", 9902};
       }},
      {"metrics_listen: false", [](Config&) {}},
      {"auth: {bearer_tokens: [\"a=\", b]}",
       [](Config& c) {
         c.auth.bearer_tokens = {"a=", "b"};
       }},
      {"limits: {connections_per_address: 7}", [](Config& c) { c.limits.connections_per_address = 7; }},
      {"admin: false", [](Config& c) { c.admin.reset(); }},
      {"allowed_origins: [\"http://localhost:*\", http://a]",
       [](Config& c) {
         c.allowed_origins = {"http://localhost:*", "http://a"};
       }},
      {"allowed_hosts: [mcp.example.com]", [](Config& c) { c.allowed_hosts = {"mcp.example.com"}; }},
      {"allow_unauthenticated: true", [](Config& c) { c.allow_unauthenticated = true; }},
      {"limits: {body: 1MB}", [](Config& c) { c.limits.body = 1 << 20; }},
      {"limits: {header: 8KB}", [](Config& c) { c.limits.header = 8192; }},
      {"limits: {message: 1GB}", [](Config& c) { c.limits.message = 1 << 30; }},
      {"limits: {connections: 5}", [](Config& c) { c.limits.connections = 5; }},
      {"log: {level: debug}", [](Config& c) { c.log.level = LogLevel::debug; }},
      {"log: {format: text}", [](Config& c) { c.log.format = LogConfig::Format::text; }},
      {"log: {access: off}", [](Config& c) { c.log.access = LogConfig::Access::off; }},
      {"log: {access: all}", [](Config& c) { c.log.access = LogConfig::Access::all; }},
      {"log: {modules: {health: debug, front: error}}",
       [](Config& c) {
         c.log.modules = {{"health", LogLevel::debug}, {"front", LogLevel::error}};
       }},
      {"names: {prefix: never}", [](Config& c) { c.names.prefix = NamesConfig::Prefix::never; }},
      {"names: {prefix: always, separator: \".\"}",
       [](Config& c) {
         c.names = {NamesConfig::Prefix::always, "."};
       }},
      {"timeout: {request: 1h}", [](Config& c) { c.timeout.request = 1h; }},
      {"timeout: {connect: \"${TIME}\"}", [](Config& c) { c.timeout.connect = 7s; }},
      {"timeout: {list: 100ms}", [](Config& c) { c.timeout.list = 100ms; }},
      {"timeout: {startup: 1m}", [](Config& c) { c.timeout.startup = 1min; }},
      {"drain_timeout: 0s", [](Config& c) { c.drain_timeout = 0ms; }},
      {"state_dir: /var/lib/weir", [](Config& c) { c.state_dir = "/var/lib/weir"; }},
  };
  for (const auto& c : cases) {
    Config expected = default_config();
    expected.servers.clear();
    c.change(expected);
    EXPECT_EQ(loaded(c.text), expected) << c.text;
  }
}

TEST(ConfigKeys, EveryKeyOfAServerActs) {
  const struct {
    std::string_view text;
    std::function<void(ServerConfig&)> change;
  } cases[] = {
      {"url: 'http://h/mcp'", [](ServerConfig&) {}},
      {"url: 'http://h/mcp', type: http", [](ServerConfig&) {}},
      {"url: 'http://h/mcp', type: sse", [](ServerConfig& s) { s.type = ServerConfig::Type::sse; }},
      {"type: sse, url: 'https://h/sse', headers: {A: b}, tls: {ca: /a.pem}",
       [](ServerConfig& s) {
         s.type = ServerConfig::Type::sse;
         s.url = "https://h/sse";
         s.headers = {{"A", "b"}};
         s.tls_ca = "/a.pem";
       }},
      {"url: 'http://h/mcp', type: streamable-http", [](ServerConfig&) {}},
      {"url: 'http://h/mcp', type: streamableHttp", [](ServerConfig&) {}},
      {"url: 'http://u:${TOKEN}@h/mcp'", [](ServerConfig& s) { s.url = "http://u:t0ken@h/mcp"; }},
      {"url: 'http://h/mcp', headers: {Authorization: 'Bearer ${TOKEN}', X-N: 1}",
       [](ServerConfig& s) {
         s.headers = {{"Authorization", "Bearer t0ken"}, {"X-N", "1"}};
       }},
      {"url: 'https://h/mcp', tls: {ca: /a.pem}",
       [](ServerConfig& s) {
         s.url = "https://h/mcp";
         s.tls_ca = "/a.pem";
       }},
      {"url: 'http://h/mcp', disabled: true", [](ServerConfig& s) { s.disabled = true; }},
      {"url: 'http://h/mcp', timeout: {request: 1s}", [](ServerConfig& s) { s.timeout.request = 1s; }},
      {"url: 'http://h/mcp', tools: {a b: {timeout: 2s}, c: {}}",
       [](ServerConfig& s) {
         s.tools["a b"].timeout = 2s;
         s.tools["c"];
       }},
  };
  for (const auto& c : cases) {
    ServerConfig expected;
    expected.name = "s";
    expected.url = "http://h/mcp";
    c.change(expected);
    expected.endpoints = {{expected.url}};
    EXPECT_EQ(server(c.text), expected) << c.text;
  }
  ServerConfig child;
  child.name = "s";
  child.type = ServerConfig::Type::stdio;
  child.command = "npx";
  child.args = {"-y", "a b", "1"};
  child.env = {{"TOKEN", "t0ken"}, {"PORT", "80"}};
  child.cwd = "/srv";
  child.replicas = 3;
  EXPECT_EQ(server("type: stdio, command: npx, args: [-y, a b, 1], env: {TOKEN: '${env:TOKEN}', PORT: 80}, "
                   "cwd: /srv, replicas: 3"),
            child);
  ServerConfig demo;
  demo.name = "s";
  demo.type = ServerConfig::Type::builtin;
  demo.builtin = "demo";
  EXPECT_EQ(server("builtin: demo"), demo);
}

TEST(ConfigKeys, AServersTimeoutsLieOverTheTopLevelOnes) {
  const Config config =
      loaded("servers: {a: {builtin: demo, timeout: {list: 2s}}}\ntimeout: {list: 3s, connect: 4s}\n");
  EXPECT_EQ(config.servers.at(0).timeout.list, 2s);
  EXPECT_EQ(config.servers.at(0).timeout.connect, 4s);
  EXPECT_EQ(config.servers.at(0).timeout.request, 5min);
}

TEST(ConfigKeys, KeepsTheOrderOfServers) {
  const Config config =
      loaded("mcpServers: {z: {builtin: demo}, a: {builtin: demo}}\nservers: {m: {builtin: demo}}\n");
  ASSERT_EQ(config.servers.size(), 3u);
  EXPECT_EQ(config.servers[0].name + config.servers[1].name + config.servers[2].name, "zam");
}

// Loads "BLOCK: {KEY: DEFAULT}" for each key that has a default, which must change nothing. Keys that another
// key calls for are looked at elsewhere.
void check_fallbacks(const Block& block, const std::string& before, const std::string& after,
                     const Config& expected) {
  for (const Field& field : block.fields) {
    if (field.fallback.empty() || !field.when.key.empty()) continue;
    const std::string text = before + std::string(field.name) + ": " + std::string(field.fallback) + after;
    EXPECT_EQ(loaded(text), expected) << text;
  }
}

TEST(ConfigKeys, DefaultsOfTheTableAreThoseOfTheStruct) {
  Config expected = default_config();
  const std::string demo = "servers: {demo: {builtin: demo}}\n";
  expected.servers.clear();
  check_fallbacks(root_block(), "", "", expected);
  check_fallbacks(limits_block(), "limits: {", "}", expected);
  check_fallbacks(log_block(), "log: {", "}", expected);
  check_fallbacks(names_block(), "names: {", "}", expected);
  check_fallbacks(timeout_block(), "timeout: {", "}", expected);
  check_fallbacks(load_balancing_block(), "load_balancing: {", "}", expected);
  check_fallbacks(health_check_block(), "health_check: {", "}", expected);
  check_fallbacks(outlier_detection_block(), "outlier_detection: {", "}", expected);
  check_fallbacks(listen_block(), "listen: {address: 127.0.0.1:8080, ", "}", expected);
  Config with_server = default_config();
  for (const Field& field : server_block().fields) {
    if (field.fallback.empty() || field.goes != Field::Goes::anywhere) continue;
    const std::string text = "servers: {demo: {builtin: demo, " + std::string(field.name) + ": " +
                             std::string(field.fallback) + "}}";
    EXPECT_EQ(loaded(text), with_server) << text;
  }
}

}  // namespace
}  // namespace weir
