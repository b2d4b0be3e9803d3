// What is said of mistakes in load balancing and health, and where.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "config/config_test_support.h"

namespace weir {
namespace {

using config_test::findings;

using Cases = std::span<const std::pair<std::string, std::string>>;

// The findings' first lines, without the file.
std::string said(const std::string& text) {
  std::string out;
  for (const Diagnostic& each : load_config(text, "weir.yaml", config_test::environment).diagnostics) {
    if (!out.empty()) out += '\n';
    out += std::to_string(each.line) + ':' + std::to_string(each.column) + ": " + each.message;
  }
  return out;
}

void check(Cases cases) {
  for (const auto& [text, expected] : cases) EXPECT_EQ(said(text), expected) << text;
}

const std::string kTwo = "servers: {s: {endpoints: ['http://a', 'http://b'], ";

TEST(ConfigBalanceLoad, ShowsTheLineAndACaret) {
  EXPECT_EQ(findings("load_balancing:\n  strategy: round_robin\n  virtual_nodes: 5\n"),
            "weir.yaml:3:3: \"virtual_nodes\" belongs to strategy consistent_hash, but the strategy here is "
            "round_robin\n"
            "  virtual_nodes: 5\n"
            "  ^\n");
  EXPECT_EQ(
      findings("servers:\n"
               "  s:\n"
               "    endpoints:\n"
               "      - http://a/mcp\n"
               "      - {weight: 2, url: 'http://A:80/mcp?x'}\n"),
      "weir.yaml:5:26: duplicate endpoint \"http://a/mcp\" (first on line 4; user info and query do not "
      "count)\n"
      "      - {weight: 2, url: 'http://A:80/mcp?*'}\n"
      "                         ^\n");
}

TEST(ConfigBalanceLoad, Ranges) {
  const std::string ring = "load_balancing: {strategy: consistent_hash, ";
  const std::string factor = " must be 0 or a number from 1 to 100, such as 1.25";
  const std::string share = " must be a share from 0% to 100%, such as 20% or 0.2";
  const std::string status = " must be a status from 200 to 599, or a list of these";
  const std::pair<std::string, std::string> cases[] = {
      {ring + "virtual_nodes: 0}", "1:60: \"virtual_nodes\" must be a whole number from 1 to 100000"},
      {ring + "virtual_nodes: 100001}", "1:60: \"virtual_nodes\" must be a whole number from 1 to 100000"},
      {ring + "bounded_load: 0.5}", "1:59: \"bounded_load\"" + factor},
      {ring + "bounded_load: 100.1}", "1:59: \"bounded_load\"" + factor},
      {ring + "bounded_load: 125%}", "1:59: \"bounded_load\"" + factor},
      {ring + "bounded_load: '2'}", "1:59: \"bounded_load\"" + factor},
      {ring + "bounded_load: -1}", "1:59: \"bounded_load\"" + factor},
      {ring + "hash_key: tol}",
       "1:55: \"hash_key\" must be client, session, tool, arguments or header:NAME (did you mean \"tool\"?)"},
      {ring + "hash_key: [tool]}",
       "1:55: \"hash_key\" must be client, session, tool, arguments or header:NAME"},
      {ring + "hash_key: '${TOKEN}'}",
       "1:55: \"hash_key\" must be client, session, tool, arguments or header:NAME"},
      {ring + "hash_key: 'header:'}", "1:55: \"hash_key\" must have the name of a header behind header:"},
      {ring + "hash_key: 'header:a b'}", "1:55: \"hash_key\" must have the name of a header behind header:"},
      {"load_balancing: {strategy: randon}",
       "1:28: \"strategy\" must be round_robin, weighted_round_robin, least_connections, consistent_hash, "
       "adaptive_latency or random (did you mean \"random\"?)"},
      {"load_balancing: {window: 9ms}",
       "1:26: \"window\" must be a duration from 10ms to 1h, such as 100ms, 30s or 5m"},
      {"load_balancing: {window: auto}",
       "1:26: \"window\" must be a duration from 10ms to 1h, such as 100ms, 30s or 5m"},
      {"load_balancing: {panic_threshold: 101%}", "1:35: \"panic_threshold\"" + share},
      {"load_balancing: {panic_threshold: 1.01}", "1:35: \"panic_threshold\"" + share},
      {"load_balancing: {panic_threshold: -5%}", "1:35: \"panic_threshold\"" + share},
      {"load_balancing: {panic_threshold: half}", "1:35: \"panic_threshold\"" + share},
      {"load_balancing: {panic_threshold: 50}", "1:35: \"panic_threshold\"" + share},
      {"load_balancing: {slow_start: 2h}",
       "1:30: \"slow_start\" must be a duration from 0s to 1h, such as 100ms, 30s or 5m"},
      {"load_balancing: []", "1:17: \"load_balancing\" must be a block of keys"},
      {"health_check: {interval: 5ms}",
       "1:26: \"interval\" must be auto or a duration from 10ms to 1h, such as 100ms, 30s or 5m"},
      {"health_check: {interval: atuo}",
       "1:26: \"interval\" must be auto or a duration from 10ms to 1h, such as 100ms, 30s or 5m"},
      {"health_check: {timeout: 2h}",
       "1:25: \"timeout\" must be auto or a duration from 1ms to 1h, such as 100ms, 30s or 5m"},
      {"health_check: {unhealthy_threshold: 0}",
       "1:37: \"unhealthy_threshold\" must be a whole number from 1 to 1000"},
      {"health_check: {healthy_threshold: 1001}",
       "1:35: \"healthy_threshold\" must be a whole number from 1 to 1000"},
      {"health_check: {jitter: 51%}", "1:24: \"jitter\" must be a share from 0% to 50%, such as 20% or 0.2"},
      {"health_check: {type: mpc}", "1:22: \"type\" must be mcp, tcp or http (did you mean \"mcp\"?)"},
      {"health_check: {type: http, path: health}",
       "1:34: \"path\" must start with / and have no white space, no #, and nothing but ASCII"},
      {"health_check: {type: http, expected_status: 199}", "1:45: \"expected_status\"" + status},
      {"health_check: {type: http, expected_status: [200, 600, ok]}",
       "1:51: \"expected_status\"" + status + "\n1:56: \"expected_status\"" + status},
      {"health_check: {type: http, expected_status: []}",
       "1:45: \"expected_status\" needs at least one status"},
      {"health_check: {type: http, expected_status: }",
       "1:28: \"expected_status\" needs at least one status"},
      {"outlier_detection: {enabled: 1}", "1:30: \"enabled\" must be true or false"},
      {"outlier_detection: {consecutive_failures: 0}",
       "1:43: \"consecutive_failures\" must be a whole number from 1 to 10000"},
      {"outlier_detection: {consecutive_5xx: 10001}",
       "1:38: \"consecutive_5xx\" must be a whole number from 1 to 10000"},
      {"outlier_detection: {error_rate: 200%}", "1:33: \"error_rate\"" + share},
      {"outlier_detection: {min_requests: 0}",
       "1:35: \"min_requests\" must be a whole number from 1 to 1000000"},
      {"outlier_detection: {window: 99ms}",
       "1:29: \"window\" must be a duration from 100ms to 1h, such as 100ms, 30s or 5m"},
      {"outlier_detection: {base_ejection_time: 0s}",
       "1:41: \"base_ejection_time\" must be a duration from 1ms to 1h, such as 100ms, 30s or 5m"},
      {"outlier_detection: {max_ejection_time: 25h}",
       "1:40: \"max_ejection_time\" must be a duration from 1ms to 24h, such as 100ms, 30s or 5m"},
      {"outlier_detection: {max_ejected: 1.5}", "1:34: \"max_ejected\"" + share},
      {"outlier_detection: {max_ejectd: 1}",
       "1:21: unknown key \"max_ejectd\" (did you mean \"max_ejected\"?)"},
      {"state_dir: ''", "1:12: \"state_dir\" must not be empty"},
      {"servers: {s: {command: x, replicas: 0}}", "1:37: \"replicas\" must be a whole number from 1 to 64"},
      {"servers: {s: {command: x, replicas: 65}}", "1:37: \"replicas\" must be a whole number from 1 to 64"},
      {"servers: {s: {url: 'http://h', resolve: DNS}}",
       "1:41: \"resolve\" must be off, dns or dns://ADDRESS:PORT (did you mean \"dns\"?)"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://names.test:53'}}",
       "1:41: \"resolve\" must have the IP address of a name server behind dns://, such as "
       "dns://10.0.0.2:53"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://::1'}}",
       "1:41: \"resolve\" must have the IP address of a name server behind dns://, such as "
       "dns://10.0.0.2:53"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://[::1'}}",
       "1:41: \"resolve\" must have the IP address of a name server behind dns://, such as "
       "dns://10.0.0.2:53"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://[::1]53'}}",
       "1:41: \"resolve\" must have the IP address of a name server behind dns://, such as "
       "dns://10.0.0.2:53"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://'}}",
       "1:41: \"resolve\" must have the IP address of a name server behind dns://, such as "
       "dns://10.0.0.2:53"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://10.0.0.2:0'}}",
       "1:41: \"resolve\" must end in a port from 1 to 65535"},
      {"servers: {s: {url: 'http://h', resolve: 'dns://10.0.0.2:65536'}}",
       "1:41: \"resolve\" must end in a port from 1 to 65535"},
      {"servers: {s: {url: 'http://h', resolve: [dns]}}",
       "1:41: \"resolve\" must be off, dns or dns://ADDRESS:PORT"},
      {"servers: {s: {endpoints: [{url: 'http://h', weight: 1001}]}}",
       "1:53: \"weight\" must be a whole number from 0 to 1000"},
      {"servers: {s: {endpoints: [{url: 'http://h', priority: 101}]}}",
       "1:55: \"priority\" must be a whole number from 0 to 100"},
      {kTwo + "load_balancing: {weights: {'http://a': 1001}}}}",
       "1:91: \"http://a\" must be a whole number from 0 to 1000"},
  };
  check(cases);
}

TEST(ConfigBalanceLoad, Endpoints) {
  const std::pair<std::string, std::string> cases[] = {
      {"servers: {s: {endpoints: []}}", "1:26: \"endpoints\" needs at least one url"},
      {"servers: {s: {endpoints: }}", "1:15: \"endpoints\" must be a list of urls, or of blocks with a url"},
      {"servers: {s: {endpoints: 'http://a'}}",
       "1:26: \"endpoints\" must be a list of urls, or of blocks with a url"},
      {"servers: {s: {endpoints: [[x], ]}}",
       "1:27: \"endpoints\" must be a list of urls, or of blocks with a url"},
      {"servers: {s: {endpoints: [{weight: 1}]}}", "1:27: \"endpoints\" needs a url"},
      {"servers: {s: {endpoints: [a, {url: b}]}}",
       "1:27: \"endpoints\" must start with http:// or https://\n1:36: \"url\" must start with http:// or "
       "https://"},
      {"servers: {s: {endpoints: [{url: 'http://h', wieght: 2}]}}",
       "1:45: unknown key \"wieght\" (did you mean \"weight\"?)"},
      {"servers: {s: {endpoints: ['http://a', 'http://b', 'http://a/']}}",
       "1:51: duplicate endpoint \"http://a/\" (first on line 1; user info and query do not count)"},
      {"servers: {s: {endpoints: ['https://a', 'https://u:p@a:443/?k=v']}}",
       "1:40: duplicate endpoint \"https://a/\" (first on line 1; user info and query do not count)"},
      {"servers: {s: {endpoints: ['http://a', 'https://a', 'http://a:81', 'http://a/m']}}", ""},
      {"servers: {s: {url: 'http://h', endpoints: ['http://h']}}",
       "1:32: a server has a url, endpoints, a command or a builtin; \"s\" has url and endpoints"},
      {"servers: {s: {command: x, endpoints: ['http://h']}}",
       "1:27: a server has a url, endpoints, a command or a builtin; \"s\" has command and endpoints"},
      {"servers: {s: {endpoints: ['http://h'], type: stdio}}",
       "1:46: this type needs a command, but the server \"s\" has endpoints"},
      {kTwo + "args: [x]}}", "1:52: \"args\" goes with a command, but the server \"s\" has endpoints"},
      {kTwo + "replicas: 2}}", "1:52: \"replicas\" goes with a command, but the server \"s\" has endpoints"},
      {"servers: {s: {url: 'http://h', replicas: 2}}",
       "1:32: \"replicas\" goes with a command, but the server \"s\" has a url"},
      {"servers: {s: {command: x, resolve: dns}}",
       "1:27: \"resolve\" goes with a url, but the server \"s\" has a command"},
      {"servers: {s: {url: 'http://10.0.0.1/mcp', resolve: dns}}",
       "1:43: \"resolve\" does nothing here: no endpoint has a host name"},
      {"servers: {s: {endpoints: ['http://[::1]:80', 'http://u@10.0.0.1'], resolve: dns}}",
       "1:68: \"resolve\" does nothing here: no endpoint has a host name"},
      {"servers: {s: {endpoints: ['http://[::1]:80', 'http://h'], resolve: dns}}", ""},
      {"servers: {s: {url: 'http://10.0.0.1/mcp', resolve: off}}", ""},
      {"servers: {s: {endpoints: ['https://a', 'http://b'], tls: {ca: f}}}",
       "1:53: \"tls\" needs urls that start with https://, but the one on line 1 does not"},
      {"servers: {s: {url: 'http://a', tls: {ca: f}}}",
       "1:32: \"tls\" needs a url that starts with https://"},
      {"load_balancing: {strategy: consistent_hash}\nservers: {s: {url: 'http://a'}}", ""},
  };
  check(cases);
}

TEST(ConfigBalanceLoad, Weights) {
  const std::string in = kTwo + "load_balancing: {weights: ";
  const std::string nothing = "no endpoint of the server \"s\" has a weight: nothing would get calls";
  const std::pair<std::string, std::string> cases[] = {
      {"servers: {s: {endpoints: [{url: 'http://a', weight: 0}, {url: 'http://b', weight: 0}]}}",
       "1:15: " + nothing},
      {"servers: {s: {endpoints: [{url: 'http://a', weight: 0}, {url: 'http://b', weight: 1}]}}", ""},
      {in + "{'http://a': 0, 'http://b': 0}}}}", "1:69: " + nothing},
      {"servers: {s: {url: 'http://a', load_balancing: {weights: {'http://a': 0}}}}", "1:49: " + nothing},
      {in + "{'http://a/mpc': 1}}}}",
       "1:79: \"http://a/mpc\" is no endpoint of the server \"s\" (did you mean \"http://a/\"?)"},
      {in + "{'http://u:p@elsewhere.example.com/x?k': 1}}}}",
       "1:79: \"http://elsewhere.example.com/x\" is no endpoint of the server \"s\""},
      {in + "{'http://a': 1, 'http://a/': 2}}}}", "1:94: \"http://a/\" has a weight already on line 1"},
      {"servers:\n  s:\n    load_balancing: {weights: {'http://b': 1}}\n"
       "    endpoints:\n    - http://a\n    - {url: 'http://b', weight: 2}\n",
       "3:32: \"http://b/\" has a weight already on line 6"},
      {"servers: {s: {url: 'http://a', load_balancing: {weights: {'http://a': many}}}}",
       "1:71: \"http://a\" must be a whole number from 0 to 1000"},
      {in + "[1]}}}", "1:78: \"weights\" must be a block of names, each with a whole number from 0 to 1000"},
      {"load_balancing: {weights: {'http://a': 1}}",
       "1:18: \"weights\" names endpoints of one server: it belongs in that server's block"},
      {"servers: {s: {command: x, load_balancing: {weights: {'stdio:s#0': 1}}}}",
       "1:44: \"weights\" goes with endpoints, and the server \"s\" has none"},
  };
  check(cases);
}

TEST(ConfigBalanceLoad, KeysOfAnotherChoice) {
  const auto belongs = [](const std::string& key, const std::string& wanted, const std::string& is) {
    const std::string choice = wanted.substr(0, wanted.find(' '));
    return '"' + key + "\" belongs to " + wanted + ", but the " + choice + " here is " + is;
  };
  const std::string ring = "strategy consistent_hash";
  const std::pair<std::string, std::string> cases[] = {
      {"load_balancing: {virtual_nodes: 5}", "1:18: " + belongs("virtual_nodes", ring, "adaptive_latency")},
      {"load_balancing: {hash_key: tool, strategy: random}", "1:18: " + belongs("hash_key", ring, "random")},
      {"load_balancing: {bounded_load: 2, strategy: least_connections}",
       "1:18: " + belongs("bounded_load", ring, "least_connections")},
      {"load_balancing: {strategy: weighted_round_robin, window: 1s}",
       "1:50: " + belongs("window", "strategy adaptive_latency", "weighted_round_robin")},
      // What a server inherits counts as well as what it writes, and the order of the file does not.
      {"servers: {s: {url: 'http://a', load_balancing: {window: 1s}}}\nload_balancing: {strategy: random}",
       "1:49: " + belongs("window", "strategy adaptive_latency", "random")},
      {"servers: {s: {url: 'http://a', load_balancing: {strategy: round_robin, hash_key: tool}}}\n"
       "load_balancing: {strategy: consistent_hash, hash_key: session}",
       "1:72: " + belongs("hash_key", ring, "round_robin")},
      {"servers: {s: {url: 'http://a', load_balancing: {hash_key: tool}}}\n"
       "load_balancing: {strategy: consistent_hash}",
       ""},
      {"health_check: {path: /x}", "1:16: " + belongs("path", "type http", "mcp")},
      {"health_check: {type: tcp, expected_status: 200}",
       "1:27: " + belongs("expected_status", "type http", "tcp")},
      {"health_check: {type: http}\nservers: {s: {command: x, health_check: {path: /x}}}",
       "2:42: " + belongs("path", "type http", "mcp")},
      // Of a choice that is none nothing is known.
      {"load_balancing: {strategy: ring, virtual_nodes: 5}",
       "1:28: \"strategy\" must be round_robin, weighted_round_robin, least_connections, consistent_hash, "
       "adaptive_latency or random"},
  };
  check(cases);
}

TEST(ConfigBalanceLoad, HealthChecksByHttpNeedAnAddress) {
  const std::string what = "health checks of this type go with a url, but the server \"s\" has a ";
  const std::pair<std::string, std::string> cases[] = {
      {"servers: {s: {command: x, health_check: {type: http}}}", "1:48: " + what + "command"},
      {"servers: {s: {command: x, health_check: {type: tcp}}}", "1:48: " + what + "command"},
      {"servers: {s: {builtin: demo, health_check: {type: tcp}}}", "1:51: " + what + "builtin"},
      {"servers: {s: {builtin: demo, health_check: {type: mcp}}}", ""},
      {"health_check: {type: tcp}\nservers: {s: {command: x}}", ""},
  };
  check(cases);
}

// A client's file may have keys of another sort of server: they are dropped, not kept.
TEST(ConfigBalanceLoad, AClientsKeysOfAnotherSortOfServerAreDropped) {
  const LoadOutcome outcome = load_config(
      R"({"mcpServers": {"a": {"url": "http://h", "replicas": 3}, "b": {"command": "x", "resolve": "dns"}}})",
      ".mcp.json", config_test::environment);
  ASSERT_TRUE(outcome.config) << to_string(outcome.diagnostics);
  EXPECT_EQ(outcome.diagnostics.size(), 2u);
  EXPECT_EQ(outcome.config->servers.at(0).replicas, 1u);
  EXPECT_FALSE(outcome.config->servers.at(1).resolve_dns);
}

}  // namespace
}  // namespace weir
