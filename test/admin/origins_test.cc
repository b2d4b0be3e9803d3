#include "admin/origins.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace weir {
namespace {

// The settings of server `a` and its tool `t`.
std::string settings(std::string_view yaml) {
  const LoadOutcome outcome = load_config(yaml, "weir.yaml", Environment());
  if (!outcome.config) return "not loaded";
  std::string out;
  append_settings(out, *outcome.config, outcome.config->servers.front(), "t");
  return out;
}

bool has(const std::string& all, std::string_view part) { return all.find(part) != std::string::npos; }

TEST(Origins, ADefaultIsCalledSo) {
  const std::string all = settings("servers: {a: {url: 'http://127.0.0.1:1/mcp'}}");
  EXPECT_TRUE(has(all, R"("max_attempts":{"value":3,"from":"default"})")) << all;
  EXPECT_TRUE(has(all, R"("strategy":{"value":"adaptive_latency","from":"default"})")) << all;
  EXPECT_TRUE(has(all, R"("hedge":{"value":false,"from":"default"})")) << all;
  EXPECT_FALSE(has(all, "top level")) << all;
  EXPECT_FALSE(has(all, R"("from":"server")")) << all;
  EXPECT_FALSE(has(all, R"("tool":)")) << all;
}

TEST(Origins, TheTopLevelAServerAndAToolAreToldApart) {
  const std::string all = settings(R"(
retry: {max_attempts: 4, budget: 10%}
hedge: {delay: 50ms}
servers:
  a:
    url: http://127.0.0.1:1/mcp
    retry: {budget: 30%}
    load_balancing: {strategy: consistent_hash, hash_key: tool}
    tools: {t: {timeout: 7s, safe_to_repeat: true}}
)");
  EXPECT_TRUE(has(all, R"("max_attempts":{"value":4,"from":"top level"})")) << all;
  EXPECT_TRUE(has(all, R"("budget":{"value":"30%","from":"server"})")) << all;
  EXPECT_TRUE(has(all, R"("jitter":{"value":"full","from":"default"})")) << all;
  EXPECT_TRUE(has(all, R"("delay":{"value":"50ms","from":"top level"})")) << all;
  EXPECT_TRUE(has(all, R"("hash_key":{"value":"tool","from":"server"})")) << all;
  EXPECT_TRUE(has(all, R"("virtual_nodes":{"value":160,"from":"default"})")) << all;
  EXPECT_TRUE(has(all, R"("request":{"value":"7s","from":"tool"})")) << all;
  EXPECT_TRUE(has(all, R"("safe_to_repeat":{"value":true,"from":"tool"})")) << all;
}

TEST(Origins, WhatIsSwitchedOffSaysByWhom) {
  EXPECT_TRUE(has(settings("{retry: false, servers: {a: {url: 'http://127.0.0.1:1/mcp'}}}"),
                  R"("retry":{"value":false,"from":"top level"})"));
  EXPECT_TRUE(has(settings("servers: {a: {url: 'http://127.0.0.1:1/mcp', retry: false}}"),
                  R"("retry":{"value":false,"from":"server"})"));
}

TEST(Origins, AListOfOneIsComparedWithItsDefault) {
  EXPECT_TRUE(has(settings("servers: {a: {url: 'http://127.0.0.1:1/mcp', health_check: {type: http}}}"),
                  R"("expected_status":{"value":[200],"from":"default"})"));
}

TEST(Origins, WhatStandsInIsTheToolsOrElseTheServers) {
  const std::string of_server = settings(R"(
servers:
  a: {url: 'http://127.0.0.1:1/mcp', fallback: {server: b}, tools: {t: {timeout: 1s}}}
  b: {url: 'http://127.0.0.1:2/mcp'}
)");
  EXPECT_TRUE(has(of_server, R"("fallback":{"server":{"value":"b","from":"server"},)")) << of_server;
  const std::string of_tool = settings(R"(
servers:
  a: {url: 'http://127.0.0.1:1/mcp', fallback: {server: b}, tools: {t: {fallback: {text: closed}}}}
  b: {url: 'http://127.0.0.1:2/mcp'}
)");
  EXPECT_TRUE(has(of_tool, R"("fallback":{"text":{"value":"closed","from":"tool"},)")) << of_tool;
  EXPECT_TRUE(has(of_tool, R"("error":{"value":true,"from":"default"})")) << of_tool;
  EXPECT_FALSE(has(of_tool, R"("value":"b")")) << of_tool;
  EXPECT_FALSE(has(settings("servers: {a: {url: 'http://127.0.0.1:1/mcp'}}"), "fallback"));
}

}  // namespace
}  // namespace weir
