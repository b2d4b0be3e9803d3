// `pin` of a server: what it changes, how it is shown, and what it needs.
#include <gtest/gtest.h>

#include "config/config_test_support.h"
#include "config/redact.h"

namespace weir {
namespace {

using config_test::findings;
using config_test::loaded;

TEST(ConfigPinKeys, ModesOfServers) {
  const Config config = loaded(
      "state_dir: /tmp/x\nservers: {a: {builtin: demo}, b: {builtin: demo, pin: warn}, c: {builtin: demo, "
      "pin: enforce}, d: {builtin: demo, pin: off}}\n");
  using Pin = ServerConfig::Pin;
  EXPECT_EQ(config.servers[0].pin, Pin::off);
  EXPECT_EQ(config.servers[1].pin, Pin::warn);
  EXPECT_EQ(config.servers[2].pin, Pin::enforce);
  EXPECT_EQ(config.servers[3].pin, Pin::off);
  EXPECT_NE(redacted_json(config).find(R"("pin":"enforce")"), std::string::npos);
}

TEST(ConfigPinKeys, MistakesAreToldWithTheirPlace) {
  const std::string needs =
      R"("pin" needs the top-level "state_dir": a directory where it keeps what was approved)";
  const std::pair<std::string, std::string> cases[] = {
      {"servers: {s: {builtin: demo, pin: warn}}", "1:35: " + needs},
      {"mcpServers: {s: {command: x, pin: enforce}}", "1:35: " + needs},
      {"servers: {a: {builtin: demo}, s: {builtin: demo, pin: enforce}}", "1:55: " + needs},
      {"servers: {s: {builtin: demo, pin: maybe}}", R"(1:35: "pin" must be off, warn or enforce)"},
      {"servers: {s: {builtin: demo, pin: true}}", R"(1:35: "pin" must be off, warn or enforce)"},
      {"pin: warn", "1:1: unknown key \"pin\""},
  };
  for (const auto& [text, expected] : cases) {
    const std::string all = findings(text + "\n");
    EXPECT_EQ(all.substr(0, all.find('\n')), "weir.yaml:" + expected) << text;
  }
  EXPECT_EQ(findings("servers: {s: {builtin: demo, pin: off}}\n"), "");
  EXPECT_EQ(findings("state_dir: /tmp/x\nservers: {s: {builtin: demo, pin: warn}}\n"), "");
}

}  // namespace
}  // namespace weir
