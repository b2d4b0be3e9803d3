// What the tests of the configuration share: an environment, and loading without ceremony.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/load.h"

namespace weir::config_test {

inline std::optional<std::string> environment(std::string_view name) {
  if (name == "TOKEN") return "t0ken";
  if (name == "PORT") return "8099";
  if (name == "TIME") return "7s";
  if (name == "EVIL") return "a\r\nb";
  return std::nullopt;
}

/// All findings as printed.
inline std::string findings(std::string_view text, const std::string& file = "weir.yaml") {
  return to_string(load_config(text, file, environment).diagnostics);
}

/// The configuration of a text that has no findings.
inline Config loaded(std::string_view text, const std::string& file = "weir.yaml") {
  const LoadOutcome outcome = load_config(text, file, environment);
  EXPECT_EQ(to_string(outcome.diagnostics), "") << text;
  return outcome.config.value_or(Config{});
}

/// A server of a text with nothing else.
inline ServerConfig server(std::string_view keys) {
  const Config config = loaded("servers: {s: {" + std::string(keys) + "}}");
  return config.servers.empty() ? ServerConfig{} : config.servers.front();
}

}  // namespace weir::config_test
