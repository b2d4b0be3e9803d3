#include "config/schema.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "config/config_test_support.h"
#include "config/describe.h"
#include "config/redact.h"

namespace weir {
namespace {

bool is_json(std::string_view text) {
  JsonCursor cursor(text, {}, true);
  cursor.take_value();
  return cursor.finish();
}

const Block* const kBlocks[] = {&root_block(),
                                &listen_block(),
                                &admin_block(),
                                &limits_block(),
                                &log_block(),
                                &names_block(),
                                &timeout_block(),
                                &load_balancing_block(),
                                &health_check_block(),
                                &outlier_detection_block(),
                                &circuit_breaker_block(),
                                &retry_block(),
                                &hedge_block(),
                                &bulkhead_block(),
                                &degradation_block(),
                                &fallback_block(),
                                &server_block(),
                                &listen_tls_block(),
                                &auth_block(),
                                &endpoint_block(),
                                &tls_block(),
                                &tool_block()};

TEST(ConfigSchema, IsJsonAndNamesEveryKey) {
  const std::string schema = config_json_schema();
  EXPECT_TRUE(is_json(schema)) << schema;
  for (const Block* block : kBlocks) {
    for (const Field& field : block->fields)
      EXPECT_NE(schema.find('"' + std::string(field.name) + "\":{"), std::string::npos) << field.name;
    for (const std::string_view planned : block->planned) EXPECT_EQ(block->find(planned), nullptr) << planned;
  }
  // Of a server as Weir writes it and as clients do.
  const std::size_t first = schema.find("\"envFile\":{");
  EXPECT_NE(first, std::string::npos);
  EXPECT_NE(schema.find("\"envFile\":{", first + 1), std::string::npos);
}

TEST(ConfigSchema, SaysWhatValuesOfBalancingAndHealthLookLike) {
  const std::string schema = config_json_schema();
  const std::string variable = R"({"type":"string","pattern":"\\$\\{"}]})";
  for (
      const std::string& part : {
          R"("required":["endpoints"])" + std::string(),
          R"("anyOf":[{"enum":["round_robin","weighted_round_robin","least_connections","consistent_hash",)" +
              std::string(R"("adaptive_latency","random"]},)") + variable,
          R"("anyOf":[{"enum":["client","session","tool","arguments"]},{"type":"string","pattern":"^header:.+$"},)" +
              variable,
          R"("anyOf":[{"type":"number","minimum":0,"maximum":0.5},{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?%?$"},)" +
              variable,
          R"("anyOf":[{"const":0},{"type":"number","minimum":1,"maximum":100},)" + variable,
          R"("anyOf":[{"const":"auto"},{"type":"string","pattern":"^[0-9]+(ms|s|m|h)$"},)" + variable,
          R"({"type":"array","minItems":1,"items":{"anyOf":[{"type":"integer","minimum":200,"maximum":599},)" +
              variable,
          R"("type":["object","null"],"additionalProperties":{"anyOf":[{"type":"integer","minimum":0,"maximum":1000},)" +
              variable,
          R"("type":"array","minItems":1,"items":{"anyOf":[{"type":"string"},{"type":"object","required":["url"],)" +
              std::string(),
      })
    EXPECT_NE(schema.find(part), std::string::npos) << part;
}

TEST(ConfigSchema, ReferenceSaysWhichChoiceAKeyBelongsTo) {
  const std::string reference = config_reference();
  for (std::string_view part : {"for each unit of weight. With `strategy: consistent_hash`. |",
                                "answer times count. With `strategy: adaptive_latency`. |",
                                "What the GET asks for. With `type: http`. |",
                                "| a share from 0% to 50%, such as 20% or 0.2 | `10%` |",
                                "| client, session, tool, arguments or header:NAME | `client` |"})
    EXPECT_NE(reference.find(part), std::string::npos) << part;
}

TEST(ConfigSchema, ReferenceHasEveryKey) {
  const std::string reference = config_reference();
  for (const Block* block : kBlocks)
    for (const Field& field : block->fields) {
      EXPECT_NE(reference.find("| `" + std::string(field.name) + "` | "), std::string::npos) << field.name;
      EXPECT_FALSE(field.doc.empty()) << field.name;
    }
}

TEST(ConfigRedact, Urls) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"https://u:p@h:8/mcp?key=x#f", "https://h:8/mcp"},
      {"http://h", "http://h"},
      {"http://u@h", "http://h"},
      {"http://h/a@b", "http://h/a@b"},
      {"http://h?a@b", "http://h"},
      {"http://a@b@h/", "http://h/"},
      {"no url?x", "no url"},
      {"", ""}};
  for (const auto& [url, expected] : cases) EXPECT_EQ(redact_url(url), expected) << url;
}

TEST(ConfigRedact, Arguments) {
  const std::pair<std::vector<std::string>, std::vector<std::string>> cases[] = {
      {{"-y", "pkg", "/srv"}, {"-y", "pkg", "/srv"}},
      {{"--token", "s", "x"}, {"--token", "***", "x"}},
      {{"--api-key=s"}, {"--api-key=***"}},
      {{"API_KEY=s"}, {"API_KEY=***"}},
      {{"-e", "FOO=s"}, {"-e", "FOO=***"}},
      {{"-e", "FOO"}, {"-e", "FOO"}},
      {{"--header", "Authorization: Bearer s"}, {"--header", "Authorization:***"}},
      {{"-c", "A_TOKEN=s run --password s2"}, {"-c", "A_TOKEN=*** run --password ***"}},
      {{"https://u:p@h/x?k=s"}, {"https://h/x"}},
      {{"--url=postgres://u:p@h/db"}, {"--url=postgres://h/db"}},
      {{"ghp_0123456789"}, {"***"}},
      {{"--path", "/srv"}, {"--path", "/srv"}},
      {{"--token"}, {"--token"}}};
  for (const auto& [given, expected] : cases) EXPECT_EQ(redact_arguments(given), expected) << given.front();
}

TEST(ConfigRedact, HidesEverySecret) {
  const Config config = config_test::loaded(
      "servers:\n"
      "  a: {command: x, args: [--token, s3cret], env: {N: s3cret}}\n"
      "  b: {url: 'https://s3cret:s3cret@h/m?k=s3cret', headers: {H: s3cret}}\n"
      "  c:\n"
      "    endpoints: ['https://s3cret@h/m?k=s3cret', {url: 'https://i/m?s3cret'}]\n"
      "    load_balancing: {weights: {'https://s3cret@h/m?k=s3cret': 2}}\n");
  const std::string json = redacted_json(config);
  EXPECT_TRUE(is_json(json)) << json;
  EXPECT_EQ(json.find("s3cret"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("args":["--token","***"],"env":{"N":"***"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("url":"https://h/m","headers":{"H":"***"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("endpoints":[{"url":"https://h/m","weight":2,"priority":0},{"url":"https://i/m",)"),
            std::string::npos)
      << json;
}

TEST(ConfigRedact, WithoutSecretsLoadsToTheSame) {
  for (std::string_view text :
       {std::string_view("servers: {demo: {builtin: demo}}"),
        std::string_view(
            "threads: 2\n"
            "listen: [127.0.0.1:1, {address: '[::1]:2', allowed_hosts: [a], error_status: http}]\n"
            "admin: false\nallowed_origins: ['http://localhost:*']\nallowed_hosts: [h]\n"
            "limits: {body: 1025B, connections: 7}\nlog: {level: warn, modules: {app: debug}}\n"
            "names: {prefix: always, separator: '.'}\ntimeout: {request: 1500ms}\n"
            "drain_timeout: 0s\n"
            "servers: {a: {command: x, args: [y], cwd: /c, disabled: true, tools: {t: {timeout: 1s}}},\n"
            "  b: {url: 'https://h/m', tls: {ca: f}, timeout: {list: 2s}}}\n"),
        std::string_view(
            "load_balancing: {strategy: consistent_hash, virtual_nodes: 100, hash_key: 'header:X-A',\n"
            "  bounded_load: 1.5, panic_threshold: 33.3%, slow_start: 0s}\n"
            "health_check: {type: http, path: /h, expected_status: [200, 204], interval: 1s, jitter: 0.07}\n"
            "outlier_detection: {error_rate: 0.123456789, max_ejected: 1}\n"
            "state_dir: /s\n"
            "servers:\n"
            "  a: {endpoints: ['http://a', {url: 'http://b', weight: 3, priority: 2}], resolve: dns,\n"
            "    load_balancing: {hash_key: tool, bounded_load: 0}, health_check: {interval: auto}}\n"
            "  b: {url: 'http://a', resolve: 'dns://[::1]:5353', load_balancing: {strategy: random, weights: "
            "{'http://a': 4}}}\n"
            "  c: {endpoints: ['http://a'], health_check: {type: tcp}}\n"
            "  d: {command: x, replicas: 2, load_balancing: {strategy: adaptive_latency, window: 1m}}\n"
            "  e: {builtin: demo, outlier_detection: {enabled: false}}\n")}) {
    const Config config = config_test::loaded(text);
    EXPECT_EQ(config_test::loaded(redacted_json(config), "weir.json"), config) << text;
  }
}

}  // namespace
}  // namespace weir
