// The keys of resilience: what they change, how they are shown, and what is refused with its line.
#include <gtest/gtest.h>

#include "config/config_test_support.h"
#include "config/redact.h"

namespace weir {
namespace {

using config_test::findings;
using config_test::loaded;
using config_test::server;
using namespace std::chrono_literals;

bool shows(const Config& config, std::string_view what) {
  return redacted_json(config).find(what) != std::string::npos;
}

TEST(ConfigResilienceKeys, RetryAtTheTopAndInAServer) {
  const std::string keys =
      "retry: {max_attempts: 5, initial_delay: 10ms, max_delay: 1s, jitter: decorrelated, budget: 50%, "
      "budget_reserve: 3}";
  RetryConfig expected;
  expected.max_attempts = 5;
  expected.initial_delay = 10ms;
  expected.max_delay = 1s;
  expected.jitter = RetryConfig::Jitter::decorrelated;
  expected.budget = 0.5;
  expected.budget_reserve = 3;
  const Config top = loaded(keys + "\nservers: {s: {url: 'http://h'}}\n");
  EXPECT_EQ(top.retry, expected);
  EXPECT_EQ(top.servers[0].retry, expected);
  EXPECT_EQ(server("url: 'http://h', " + keys).retry, expected);
  EXPECT_TRUE(shows(top, R"("retry":{"max_attempts":5,"initial_delay":"10ms","max_delay":"1s",)"
                         R"("jitter":"decorrelated","budget":"50%","budget_reserve":3})"));
}

TEST(ConfigResilienceKeys, ABlockOverridesKeyByKeyAndFalseSwitchesOff) {
  const Config config = loaded(
      "retry: {max_attempts: 5}\nhedge: {delay: 20ms}\nservers:\n  a: {url: 'http://h', retry: {budget: "
      "10%}}\n"
      "  b: {url: 'http://h', retry: false, hedge: false}\n  c: {url: 'http://h', hedge: {budget: 1%}}\n");
  EXPECT_EQ(config.servers[0].retry.max_attempts, 5U);
  EXPECT_DOUBLE_EQ(config.servers[0].retry.budget, 0.1);
  EXPECT_FALSE(config.servers[1].retry.enabled);
  EXPECT_FALSE(config.servers[1].hedge.enabled);
  EXPECT_TRUE(config.servers[2].hedge.enabled);
  EXPECT_EQ(config.servers[2].hedge.delay.fixed, 20ms);
  EXPECT_TRUE(shows(config, R"("retry":false)"));
  const Config off = loaded("retry: false\nservers: {s: {url: 'http://h', retry: {}}}\n");
  EXPECT_FALSE(off.retry.enabled);
  EXPECT_TRUE(off.servers[0].retry.enabled) << "its own block switches it on again";
}

TEST(ConfigResilienceKeys, HedgeIsOffUntilWritten) {
  EXPECT_FALSE(server("url: 'http://h'").hedge.enabled);
  const HedgeConfig plain = server("url: 'http://h', hedge: {}").hedge;
  EXPECT_TRUE(plain.enabled);
  EXPECT_EQ(plain.delay, HedgeDelay());
  EXPECT_EQ(server("url: 'http://h', hedge: {delay: p99}").hedge.delay.percentile, 99U);
  EXPECT_EQ(server("url: 'http://h', hedge: {delay: 1500ms}").hedge.delay.fixed, 1500ms);
  EXPECT_TRUE(shows(loaded("hedge: {delay: 'p50'}\n"), R"("hedge":{"delay":"p50","budget":"5%"})"));
}

TEST(ConfigResilienceKeys, ToolsFallbacksAndRules) {
  const ServerConfig one = server(
      "url: 'http://h', trust_annotations: false, fallback: {text: 'no'}, tools: {t: {safe_to_repeat: true, "
      "fallback: {text: 'none', error: false}}}");
  EXPECT_FALSE(one.trust_annotations);
  ASSERT_TRUE(one.fallback);
  EXPECT_EQ(one.fallback->text, "no");
  EXPECT_TRUE(one.fallback->error);
  const ToolConfig& tool = one.tools.at("t");
  EXPECT_EQ(tool.safe_to_repeat, true);
  ASSERT_TRUE(tool.fallback);
  EXPECT_FALSE(tool.fallback->error);
  const Config config = loaded(
      "degradation: [{when: gateway_degraded, hedge: false}, {when: server_unhealthy, shed: normal, retry: "
      "false}]\nservers: {s: {url: 'http://h', fallback: {server: t}}, t: {url: 'http://i'}}\n");
  ASSERT_EQ(config.degradation.size(), 2U);
  EXPECT_EQ(config.degradation[0].when, DegradationRule::When::gateway_degraded);
  EXPECT_FALSE(config.degradation[0].hedge);
  EXPECT_EQ(config.degradation[1].shed, DegradationRule::Shed::normal);
  EXPECT_FALSE(config.degradation[1].retry);
  EXPECT_TRUE(config.servers[0].may_shed);
  EXPECT_EQ(config.servers[0].fallback->server, "t");
  EXPECT_TRUE(shows(config, R"("fallback":{"server":"t")"));
  EXPECT_TRUE(shows(config, R"({"when":"gateway_degraded","hedge":false,"retry":true,"shed":"none"})"));
}

TEST(ConfigResilienceKeys, MistakesAreToldWithTheirPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {"retry: {max_attempts: 0}", R"(1:23: "max_attempts" must be a whole number from 1 to 10)"},
      {"retry: true", R"(1:8: "retry" must be false or a block of keys)"},
      {"retry: {jitter: some}", R"(1:17: "jitter" must be full, equal or decorrelated)"},
      {"retry: {budget: 200%}", R"(1:17: "budget" must be a share from 0% to 100%, such as 20% or 0.2)"},
      {"hedge: {delay: p100}", R"(1:16: "delay" must be a duration from 1ms to 1h or p50 to p99)"},
      {"hedge: {delay: p49}", R"(1:16: "delay" must be a duration from 1ms to 1h or p50 to p99)"},
      {"hedge: {delay: 0ms}", R"(1:16: "delay" must be a duration from 1ms to 1h or p50 to p99)"},
      {"degradation: {when: server_degraded}", R"(1:14: "degradation" must be a list of blocks)"},
      {"degradation: [{hedge: false}]", R"(1:15: "degradation" needs a when)"},
      {"degradation: [{when: server_degraded}]",
       R"(1:15: "degradation" changes nothing: it needs hedge: false, retry: false or shed)"},
      {"degradation: [{when: sometimes, hedge: false}]",
       R"(1:22: "when" must be server_degraded, server_unhealthy, gateway_degraded or gateway_unhealthy)"},
      {"servers: {s: {builtin: demo, fallback: {}}}",
       R"(1:40: "fallback" needs a server or a text, not both)"},
      {"servers: {s: {builtin: demo, fallback: {server: t, text: x}}}",
       R"(1:40: "fallback" needs a server or a text, not both)"},
      {"servers: {s: {builtin: demo, fallback: {server: t}}}", R"(1:49: there is no server "t")"},
      {"servers: {s: {builtin: demo, fallback: {server: s}}}", "1:49: a server cannot stand in for itself"},
      {"servers: {s: {builtin: demo, tools: {x: {fallback: {server: y}}}}}",
       R"(1:61: there is no server "y")"},
      {"servers: {s: {builtin: demo, tools: {x: {safe_to_repeat: maybe}}}}",
       R"(1:58: "safe_to_repeat" must be true or false)"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string all = findings(text + "\n");
    EXPECT_EQ(all.substr(0, all.find('\n')), "weir.yaml:" + expected) << text;
  }
}

}  // namespace
}  // namespace weir
