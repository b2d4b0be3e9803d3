// Every key of the bulkhead changes the struct, at the top, at a server and of a tool.
#include <gtest/gtest.h>

#include <functional>

#include "config/config_test_support.h"
#include "config/describe.h"

namespace weir {
namespace {

using config_test::loaded;

TEST(ConfigBulkheadKeys, EveryKeyOfTheBulkheadActs) {
  using namespace std::chrono_literals;
  const struct {
    std::string_view text;
    std::function<void(BulkheadConfig&)> change;
  } cases[] = {
      {"{}", [](BulkheadConfig&) {}},
      {"false", [](BulkheadConfig& b) { b.enabled = false; }},
      {"{max_concurrent: 3}", [](BulkheadConfig& b) { b.max_concurrent = 3; }},
      {"{max_queue: 0}", [](BulkheadConfig& b) { b.max_queue = 0; }},
      {"{queue_timeout: 2s}", [](BulkheadConfig& b) { b.queue_timeout = 2s; }},
      {"{client_share: 25%}", [](BulkheadConfig& b) { b.client_share = 0.25; }},
      {"{adaptive: true}", [](BulkheadConfig& b) { b.adaptive = true; }},
  };
  for (const auto& c : cases) {
    BulkheadConfig expected;
    c.change(expected);
    const Config top = loaded("bulkhead: " + std::string(c.text) + "\nservers: {a: {builtin: demo}}");
    EXPECT_EQ(top.bulkhead, expected) << c.text;
    EXPECT_EQ(top.servers[0].bulkhead, expected) << c.text;
    const Config own = loaded("servers: {a: {builtin: demo, bulkhead: " + std::string(c.text) + "}}");
    EXPECT_EQ(own.servers[0].bulkhead, expected) << c.text;
    EXPECT_EQ(own.bulkhead, BulkheadConfig()) << c.text;
  }
}

TEST(ConfigBulkheadKeys, AServersBulkheadLiesOverTheTopLevelOne) {
  const Config config = loaded(
      "bulkhead: {max_concurrent: 9, max_queue: 8}\n"
      "servers: {a: {builtin: demo, bulkhead: {max_queue: 7}, tools: {t: {max_concurrent: 2}}}}");
  EXPECT_EQ(config.servers[0].bulkhead.max_concurrent, 9u);
  EXPECT_EQ(config.servers[0].bulkhead.max_queue, 7u);
  EXPECT_EQ(config.servers[0].tools.at("t").max_concurrent, 2u);
}

TEST(ConfigBulkheadKeys, DefaultsOfTheTableAreThoseOfTheStruct) {
  const BulkheadConfig fresh;
  std::string text = "bulkhead: {";
  for (const Field& field : bulkhead_block().fields)
    text += std::string(field.name) + ": " + std::string(field.fallback) + ", ";
  EXPECT_EQ(loaded(text + "}").bulkhead, fresh);
}

}  // namespace
}  // namespace weir
