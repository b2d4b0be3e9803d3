#include "config/masked_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir {
namespace {

std::string shown(const std::vector<std::string>& lines, int line) {
  return masked_line(line, [&](int i) { return std::string_view(lines[static_cast<std::size_t>(i) - 1]); });
}

TEST(MaskedLine, StarsOutWhereSecretsStand) {
  const std::vector<std::string> block = {"servers:",
                                          "  a:",
                                          "    url: https://me:pw@host/mcp?key=k1",
                                          "    headers:",
                                          "      Authorization: Bearer s3cret",
                                          "",
                                          "      X-Key: gr\xC3\xBC\xC3\x9F e",
                                          "    timeout: {request: 5s}",
                                          "    args:",
                                          "      - --token",
                                          "  b: {command: x, env: {TOKEN: s3cret}, cwd: y}"};
  EXPECT_EQ(shown(block, 3), "    url: https://*****@host/mcp?******");
  EXPECT_EQ(shown(block, 4), "    headers:");
  EXPECT_EQ(shown(block, 5), "      Authorization: ****** ******");
  EXPECT_EQ(shown(block, 7), "      X-Key: **** *");
  EXPECT_EQ(shown(block, 8), "    timeout: {request: 5s}");
  EXPECT_EQ(shown(block, 10), "      - *******");
  EXPECT_EQ(shown(block, 11), "  b: {command: x, env: {****** ******}, **** *}");
  const std::vector<std::string> json = {"{\"servers\": {\"a\": {",   "  \"env\": {",
                                         "    \"TOKEN\": \"s3cret\"", "  },",
                                         "  \"comand\": \"x\"",       "}}}"};
  EXPECT_EQ(shown(json, 3), "    \"TOKEN\": \"******\"");
  EXPECT_EQ(shown(json, 5), "  \"comand\": \"x\"");
  EXPECT_EQ(shown({"admin: {address: 127.0.0.1:1, token: abc}"}, 1),
            "admin: {address: 127.0.0.1:1, token: ***}");
  EXPECT_EQ(shown({"auth: {bearer_tokens: [a, b]}"}, 1), "auth: {bearer_tokens: [*, *]}");
  EXPECT_EQ(shown({"    args: [\"${HOME}/x\", s]"}, 1), "    args: [\"${HOME}**\", *]");
  EXPECT_EQ(shown({"    headers:", "\tX-Key: abc"}, 2), "\tX-Key: ***");
  EXPECT_EQ(shown({"failure_treshold: 3"}, 1), "failure_treshold: 3");
}

}  // namespace
}  // namespace weir
