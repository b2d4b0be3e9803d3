// Every key of load balancing and of health changes the struct, is shown, and has its bounds.
#include <gtest/gtest.h>

#include <functional>

#include "config/config_test_support.h"
#include "config/describe.h"
#include "config/redact.h"

namespace weir {
namespace {

using config_test::findings;
using config_test::loaded;
using config_test::server;
using namespace std::chrono_literals;
using Balancing = LoadBalancingConfig;
using Check = HealthCheckConfig;
using Outliers = OutlierDetectionConfig;

// What a block holds and how it is shown again.
template <class Struct>
struct Case {
  std::string_view keys;
  std::function<void(Struct&)> change;
  std::string_view shown;
};

// Each case at the top level, from where a server has it, and in the server's own block.
template <class Struct>
void check(const std::string& block, Struct Config::*of_all, Struct ServerConfig::*of_one,
           std::span<const Case<Struct>> cases) {
  for (const auto& each : cases) {
    Struct expected;
    each.change(expected);
    const std::string keys = block + ": {" + std::string(each.keys) + '}';
    const Config top = loaded(keys + "\nservers: {s: {url: 'http://h'}}\n");
    EXPECT_EQ(top.*of_all, expected) << keys;
    EXPECT_EQ(top.servers.at(0).*of_one, expected) << keys;
    EXPECT_EQ(server("url: 'http://h', " + keys).*of_one, expected) << keys;
    const std::string json = redacted_json(top);
    const std::size_t first = json.find(each.shown);
    EXPECT_NE(first, std::string::npos) << each.shown << " in " << json;
    EXPECT_NE(json.find(each.shown, first + 1), std::string::npos) << each.shown << " in " << json;
  }
}

TEST(ConfigBalanceKeys, LoadBalancing) {
  const Case<Balancing> cases[] = {
      {"strategy: round_robin", [](Balancing& b) { b.strategy = Balancing::Strategy::round_robin; },
       R"("strategy":"round_robin","panic_threshold":"50%","slow_start":"5s"})"},
      {"strategy: weighted_round_robin",
       [](Balancing& b) { b.strategy = Balancing::Strategy::weighted_round_robin; },
       R"("strategy":"weighted_round_robin")"},
      {"strategy: least_connections",
       [](Balancing& b) { b.strategy = Balancing::Strategy::least_connections; },
       R"("strategy":"least_connections")"},
      {"strategy: random", [](Balancing& b) { b.strategy = Balancing::Strategy::random; },
       R"("strategy":"random")"},
      {"strategy: adaptive_latency, window: 2s", [](Balancing& b) { b.window = 2s; },
       R"("strategy":"adaptive_latency","window":"2s","panic_threshold")"},
      {"window: 10ms", [](Balancing& b) { b.window = 10ms; }, R"("window":"10ms")"},
      {"panic_threshold: 0.25", [](Balancing& b) { b.panic_threshold = 0.25; }, R"("panic_threshold":"25%")"},
      {"panic_threshold: 0", [](Balancing& b) { b.panic_threshold = 0; }, R"("panic_threshold":"0%")"},
      {"panic_threshold: '30%'", [](Balancing& b) { b.panic_threshold = 0.3; }, R"("panic_threshold":"30%")"},
      {"slow_start: 0s", [](Balancing& b) { b.slow_start = 0s; }, R"("slow_start":"0s")"}};
  check<Balancing>("load_balancing", &Config::load_balancing, &ServerConfig::load_balancing, cases);
}

TEST(ConfigBalanceKeys, ConsistentHash) {
  const Case<Balancing> cases[] = {
      {"strategy: consistent_hash", [](Balancing&) {},
       R"("strategy":"consistent_hash","virtual_nodes":160,"hash_key":"client","bounded_load":1.25,)"},
      {"strategy: consistent_hash, virtual_nodes: 1", [](Balancing& b) { b.virtual_nodes = 1; },
       R"("virtual_nodes":1,)"},
      {"virtual_nodes: 100000, strategy: consistent_hash", [](Balancing& b) { b.virtual_nodes = 100'000; },
       R"("virtual_nodes":100000,)"},
      {"strategy: consistent_hash, hash_key: session",
       [](Balancing& b) { b.hash_key = Balancing::HashKey::session; }, R"("hash_key":"session")"},
      {"strategy: consistent_hash, hash_key: tool",
       [](Balancing& b) { b.hash_key = Balancing::HashKey::tool; }, R"("hash_key":"tool")"},
      {"strategy: consistent_hash, hash_key: arguments",
       [](Balancing& b) { b.hash_key = Balancing::HashKey::arguments; }, R"("hash_key":"arguments")"},
      {"strategy: consistent_hash, hash_key: header:X-Tenant",
       [](Balancing& b) {
         b.hash_key = Balancing::HashKey::header;
         b.hash_header = "x-tenant";
       },
       R"("hash_key":"header:x-tenant")"},
      {"strategy: consistent_hash, bounded_load: 0", [](Balancing& b) { b.bounded_load = 0; },
       R"("bounded_load":0,)"},
      {"strategy: consistent_hash, bounded_load: 1", [](Balancing& b) { b.bounded_load = 1; },
       R"("bounded_load":1,)"},
      {"strategy: consistent_hash, bounded_load: 2.50", [](Balancing& b) { b.bounded_load = 2.5; },
       R"("bounded_load":2.5,)"}};
  std::vector<Case<Balancing>> all;
  for (Case<Balancing> each : cases) {
    each.change = [change = each.change](Balancing& b) {
      b.strategy = Balancing::Strategy::consistent_hash;
      change(b);
    };
    all.push_back(each);
  }
  check<Balancing>("load_balancing", &Config::load_balancing, &ServerConfig::load_balancing, all);
}

TEST(ConfigBalanceKeys, HealthCheck) {
  const auto http = [](Check& c) { c.type = Check::Type::http; };
  const Case<Check> cases[] = {
      {"type: mcp", [](Check&) {},
       R"({"type":"mcp","interval":"auto","timeout":"auto","unhealthy_threshold":2,"healthy_threshold":2,"jitter":"10%"})"},
      {"type: tcp", [](Check& c) { c.type = Check::Type::tcp; }, R"("type":"tcp")"},
      {"type: http", http, R"("jitter":"10%","path":"/health","expected_status":[200]})"},
      {"interval: 500ms", [](Check& c) { c.interval = 500ms; }, R"("interval":"500ms")"},
      {"interval: '${TIME}'", [](Check& c) { c.interval = 7s; }, R"("interval":"7s")"},
      {"timeout: 1ms", [](Check& c) { c.timeout = 1ms; }, R"("timeout":"1ms")"},
      {"unhealthy_threshold: 3", [](Check& c) { c.unhealthy_threshold = 3; }, R"("unhealthy_threshold":3)"},
      {"healthy_threshold: 1", [](Check& c) { c.healthy_threshold = 1; }, R"("healthy_threshold":1)"},
      {"jitter: 0%", [](Check& c) { c.jitter = 0; }, R"("jitter":"0%")"},
      {"type: http, path: '/a?b=c'",
       [&](Check& c) {
         http(c);
         c.path = "/a?b=c";
       },
       R"("path":"/a?b=c")"},
      {"type: http, expected_status: 204",
       [&](Check& c) {
         http(c);
         c.expected_status = {204};
       },
       R"("expected_status":[204])"},
      {"type: http, expected_status: [200, 401]",
       [&](Check& c) {
         http(c);
         c.expected_status = {200, 401};
       },
       R"("expected_status":[200,401])"}};
  check<Check>("health_check", &Config::health_check, &ServerConfig::health_check, cases);
}

TEST(ConfigBalanceKeys, OutlierDetection) {
  const Case<Outliers> cases[] = {
      {"enabled: false", [](Outliers& o) { o.enabled = false; }, R"("enabled":false)"},
      {"consecutive_failures: 1", [](Outliers& o) { o.consecutive_failures = 1; },
       R"("consecutive_failures":1)"},
      {"consecutive_5xx: 7", [](Outliers& o) { o.consecutive_5xx = 7; }, R"("consecutive_5xx":7)"},
      {"error_rate: 0", [](Outliers& o) { o.error_rate = 0; }, R"("error_rate":"0%")"},
      {"min_requests: 5", [](Outliers& o) { o.min_requests = 5; }, R"("min_requests":5)"},
      {"window: 1m", [](Outliers& o) { o.window = 1min; }, R"("window":"1m","base_ejection_time")"},
      {"base_ejection_time: 2s", [](Outliers& o) { o.base_ejection_time = 2s; },
       R"("base_ejection_time":"2s")"},
      {"max_ejection_time: 30s", [](Outliers& o) { o.max_ejection_time = 30s; },
       R"("max_ejection_time":"30s")"},
      {"max_ejected: 1", [](Outliers& o) { o.max_ejected = 1; }, R"("max_ejected":"100%")"}};
  check<Outliers>("outlier_detection", &Config::outlier_detection, &ServerConfig::outlier_detection, cases);
}

TEST(ConfigBalanceKeys, AServersBlocksLieOverTheTopLevelOnes) {
  const Config config = loaded(
      "servers:\n"
      "  a:\n"
      "    url: http://h\n"
      "    load_balancing: {virtual_nodes: 7}\n"
      "    health_check: {interval: auto, expected_status: 204}\n"
      "    outlier_detection: {window: 3s}\n"
      "  b: {url: 'http://h', load_balancing: {strategy: random}, health_check: {type: tcp}}\n"
      "  c: {command: x}\n"
      "  d: {builtin: demo, health_check: {timeout: 1s}}\n"
      "load_balancing: {strategy: consistent_hash, hash_key: tool}\n"
      "health_check: {type: http, interval: 2s, path: /p}\n"
      "outlier_detection: {min_requests: 9}\n");
  const ServerConfig& a = config.servers.at(0);
  EXPECT_EQ(a.load_balancing.strategy, Balancing::Strategy::consistent_hash);
  EXPECT_EQ(a.load_balancing.hash_key, Balancing::HashKey::tool);
  EXPECT_EQ(a.load_balancing.virtual_nodes, 7u);
  EXPECT_EQ(a.health_check.type, Check::Type::http);
  EXPECT_EQ(a.health_check.interval, std::nullopt);
  EXPECT_EQ(a.health_check.path, "/p");
  EXPECT_EQ(a.health_check.expected_status, std::vector<std::size_t>{204});
  EXPECT_EQ(a.outlier_detection.window, 3s);
  EXPECT_EQ(a.outlier_detection.min_requests, 9u);
  EXPECT_EQ(config.load_balancing.virtual_nodes, 160u);
  EXPECT_EQ(config.servers.at(1).load_balancing.strategy, Balancing::Strategy::random);
  EXPECT_EQ(config.servers.at(1).health_check.type, Check::Type::tcp);
  EXPECT_EQ(config.servers.at(1).health_check.interval, 2s);
  // A child and a builtin have nothing to connect to: the top level's type is not meant for them.
  EXPECT_EQ(config.servers.at(2).health_check.type, Check::Type::mcp);
  EXPECT_EQ(config.servers.at(2).health_check.interval, 2s);
  EXPECT_EQ(config.servers.at(3).health_check.type, Check::Type::mcp);
  EXPECT_EQ(config.servers.at(3).health_check.timeout, 1s);
}

TEST(ConfigBalanceKeys, Endpoints) {
  const ServerConfig many = server(
      "endpoints: ['http://a/mcp', {url: 'http://u:${TOKEN}@b/mcp', weight: 3, priority: 1}], "
      "headers: {A: b}, resolve: dns");
  EXPECT_EQ(many.type, ServerConfig::Type::http);
  EXPECT_EQ(many.url, "");
  EXPECT_EQ(many.endpoints,
            (std::vector<EndpointConfig>{{"http://a/mcp", 1, 0}, {"http://u:t0ken@b/mcp", 3, 1}}));
  EXPECT_EQ(many.headers.size(), 1u);
  EXPECT_TRUE(many.resolve_dns);
  const ServerConfig one = server("endpoints: [{url: 'https://a', weight: 0}, 'https://b'], tls: {ca: f}");
  EXPECT_EQ(one.endpoints, (std::vector<EndpointConfig>{{"https://a", 0, 0}, {"https://b", 1, 0}}));
  EXPECT_EQ(one.tls_ca, "f");
  EXPECT_FALSE(one.resolve_dns);
}

TEST(ConfigBalanceKeys, NameServer) {
  const auto name_server = [](const std::string& resolve) {
    const ServerConfig one = server("url: 'http://h', resolve: '" + resolve + "'");
    return (one.resolve_dns ? "dns " : "off ") + one.dns_server;
  };
  EXPECT_EQ(name_server("off"), "off ");
  EXPECT_EQ(name_server("dns"), "dns ");
  EXPECT_EQ(name_server("dns://10.0.0.2"), "dns 10.0.0.2:53");
  EXPECT_EQ(name_server("dns://10.0.0.2:5353"), "dns 10.0.0.2:5353");
  EXPECT_EQ(name_server("dns://[::1]"), "dns [::1]:53");
  EXPECT_EQ(name_server("dns://[::1]:5353"), "dns [::1]:5353");
  const std::string shown = redacted_json(loaded("servers: {s: {url: 'http://h', resolve: 'dns://[::1]'}}"));
  EXPECT_NE(shown.find(R"("resolve":"dns://[::1]:53")"), std::string::npos) << shown;
}

TEST(ConfigBalanceKeys, OneEndpointIsTheSameAsAUrl) {
  EXPECT_EQ(server("endpoints: ['http://a']"), server("url: 'http://a'"));
  EXPECT_EQ(server("url: 'http://a', type: sse").endpoints,
            (std::vector<EndpointConfig>{{"http://a", 1, 0}}));
  EXPECT_EQ(server("endpoints: ['http://a'], type: sse"), server("url: 'http://a', type: sse"));
  EXPECT_EQ(server("endpoints: [{url: 'http://a', weight: 2}]").url, "http://a");
  // The block of balancing is silent there.
  EXPECT_EQ(server("url: 'http://a', load_balancing: {strategy: random}").endpoints.size(), 1u);
  EXPECT_EQ(server("url: 'http://h', resolve: off").resolve_dns, false);
}

TEST(ConfigBalanceKeys, WeightsBecomeThoseOfTheEndpoints) {
  // As written, as shown, with its default port, and in another case.
  for (std::string_view name :
       {"http://${none:-x}${TOKEN}@A:80/mcp?k", "http://a/mcp", "http://a:80/mcp", "HTTP://A/mcp"}) {
    const ServerConfig s = server(
        "endpoints: ['http://${none:-x}${TOKEN}@A:80/mcp?k', 'http://b', {url: 'http://c', weight: 7}], "
        "load_balancing: {weights: {'" +
        std::string(name) + "': 5, 'http://b': 0}}");
    ASSERT_EQ(s.endpoints.size(), 3u) << name;
    EXPECT_EQ(s.endpoints[0].weight, 5u) << name;
    EXPECT_EQ(s.endpoints[1].weight, 0u) << name;
    EXPECT_EQ(s.endpoints[2].weight, 7u) << name;
    EXPECT_TRUE(s.load_balancing.weights.empty());
  }
  EXPECT_EQ(server("endpoints: ['http://a', 'http://a/${TOKEN}'], "
                   "load_balancing: {weights: {'http://a/${TOKEN}': 4}}")
                .endpoints.at(1)
                .weight,
            4u);
  EXPECT_EQ(server("url: 'http://a', load_balancing: {strategy: random, weights: {'http://a': 2}}").endpoints,
            (std::vector<EndpointConfig>{{"http://a", 2, 0}}));
}

TEST(ConfigBalanceKeys, ShownByKindOfServer) {
  const auto json = [](const std::string& keys) {
    return redacted_json(loaded("servers: {s: {" + keys + "}}"));
  };
  const std::string url = json("url: 'http://a'");
  EXPECT_NE(url.find(R"("url":"http://a","resolve":"off")"), std::string::npos) << url;
  EXPECT_EQ(url.find("endpoints"), std::string::npos) << url;
  EXPECT_EQ(url.find("replicas"), std::string::npos) << url;
  EXPECT_EQ(url.find("state_dir"), std::string::npos) << url;
  const std::string many = json("endpoints: ['http://a', 'http://b'], resolve: dns");
  EXPECT_NE(many.find(R"("endpoints":[{"url":"http://a","weight":1,"priority":0},{"url":"http://b",)"),
            std::string::npos)
      << many;
  EXPECT_NE(many.find(R"("resolve":"dns")"), std::string::npos) << many;
  EXPECT_EQ(many.find(R"("type":"http","url")"), std::string::npos) << many;
  const std::string child = json("command: x, replicas: 64");
  EXPECT_NE(child.find(R"("replicas":64)"), std::string::npos) << child;
  EXPECT_EQ(child.find("resolve"), std::string::npos) << child;
  EXPECT_NE(redacted_json(loaded("state_dir: s")).find(R"("state_dir":"s")"), std::string::npos);
}

TEST(ConfigBalanceKeys, DefaultsOfKeysThatNeedAChoiceAreThoseOfTheStruct) {
  const std::pair<const Block*, std::string> blocks[] = {{&load_balancing_block(), "load_balancing"},
                                                         {&health_check_block(), "health_check"},
                                                         {&endpoint_block(), ""}};
  std::size_t looked_at = 0;
  for (const auto& [block, name] : blocks)
    for (const Field& field : block->fields) {
      if (field.when.key.empty() || field.fallback.empty()) continue;
      const std::string choice =
          name + ": {" + std::string(field.when.key) + ": " + std::string(field.when.value);
      const std::string text =
          choice + ", " + std::string(field.name) + ": " + std::string(field.fallback) + "}";
      EXPECT_EQ(loaded(text), loaded(choice + "}")) << text;
      ++looked_at;
    }
  EXPECT_EQ(looked_at, 6u);
  for (const Field& field : endpoint_block().fields) {
    if (field.fallback.empty()) continue;
    const std::string text = "endpoints: [{url: 'http://h', " + std::string(field.name) + ": " +
                             std::string(field.fallback) + "}]";
    EXPECT_EQ(server(text), server("url: 'http://h'")) << text;
  }
}

}  // namespace
}  // namespace weir
