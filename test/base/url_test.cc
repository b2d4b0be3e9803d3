#include "base/url.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Url, PercentDecoding) {
  const std::pair<std::string_view, std::optional<std::string>> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"us%40er", "us@er"},
      {"%25%2f%2F", "%//"},
      {"%c3%A9%00", std::string("\xC3\xA9\0", 3)},
      {"a+b", "a+b"},
      {"%", std::nullopt},
      {"%4", std::nullopt},
      {"a%4g", std::nullopt},
      {"%+4", std::nullopt},
      {"%-1", std::nullopt},
      {"%% 41", std::nullopt}};
  for (const auto& [text, decoded] : cases) EXPECT_EQ(percent_decoded(text), decoded) << text;
}

TEST(Url, BasicCredentialsAreDecoded) {
  const std::pair<std::string_view, std::optional<std::string>> cases[] = {
      {"us%40er:s3cret", "us@er:s3cret"}, {"user", "user:"},         {"user:", "user:"},
      {"u:p%3Aq:r", "u:p:q:r"},           {"u%3Au:p", std::nullopt}, {"u:100%", std::nullopt}};
  for (const auto& [text, credentials] : cases) EXPECT_EQ(basic_credentials(text), credentials) << text;
}

}  // namespace
}  // namespace weir
