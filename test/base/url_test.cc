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

// Source of the first block: RFC 3986 section 5.4, as far as it is of http.
TEST(Url, ResolvesReferences) {
  std::string reason;
  const auto base = parse_url("http://u:p@a/b/c/d;p?q", reason);
  const std::pair<std::string_view, std::string_view> cases[] = {{"g", "/b/c/g"},
                                                                 {"./g", "/b/c/g"},
                                                                 {"g/", "/b/c/g/"},
                                                                 {"/g", "/g"},
                                                                 {"?y", "/b/c/d;p?y"},
                                                                 {"g?y", "/b/c/g?y"},
                                                                 {"#s", "/b/c/d;p?q"},
                                                                 {"g#s", "/b/c/g"},
                                                                 {"g?y#s", "/b/c/g?y"},
                                                                 {";x", "/b/c/;x"},
                                                                 {"", "/b/c/d;p?q"},
                                                                 {".", "/b/c/"},
                                                                 {"./", "/b/c/"},
                                                                 {"..", "/b/"},
                                                                 {"../", "/b/"},
                                                                 {"../g", "/b/g"},
                                                                 {"../..", "/"},
                                                                 {"../../g", "/g"},
                                                                 {"../../../g", "/g"},
                                                                 {"/./g", "/g"},
                                                                 {"/../g", "/g"},
                                                                 {"g.", "/b/c/g."},
                                                                 {"..g", "/b/c/..g"},
                                                                 {"./g/.", "/b/c/g/"},
                                                                 {"g/../h", "/b/c/h"},
                                                                 {"g;x=1/../y", "/b/c/y"},
                                                                 {"g?y/../x", "/b/c/g?y/../x"},
                                                                 {"/m?u=http://x/", "/m?u=http://x/"},
                                                                 {"/", "/"},
                                                                 {"//", ""},
                                                                 {"http:g", ""},
                                                                 {"g:h", ""},
                                                                 {"a b", ""},
                                                                 {"a\r\nX: y", ""},
                                                                 {"http://other:81/x?y", "other:81/x?y"},
                                                                 {"//other/x", "other/x"},
                                                                 {"HTTP://a/x", "/x"}};
  for (const auto& [text, meant] : cases) {
    const std::optional<Url> url = resolve_url(*base, text, reason);
    ASSERT_EQ(url.has_value(), !meant.empty()) << text;
    if (!url) continue;
    const bool here = url->host == "a" && url->port == 80;
    EXPECT_EQ((here ? "" : url->authority()) + url->path, meant) << text;
    EXPECT_EQ(url->user_info, "") << text;
    EXPECT_EQ(same_origin(*base, *url), here) << text;
  }
}

TEST(Url, AHostIsANameOrAnAddress) {
  std::string reason;
  for (const char* good : {"http://a_b.c-d/", "http://1.2.3.4:5/", "http://[::ffff:1.2.3.4]/"})
    EXPECT_TRUE(parse_url(good, reason)) << good << reason;
  for (const char* bad : {"http://[[]/", "http://[]/", "http://[a]/", "http://[::1%25lo]/", "http://a]b/",
                          "http://a\\b/", "http://a{b}/"})
    EXPECT_FALSE(parse_url(bad, reason)) << bad;
}

TEST(Url, SameOrigin) {
  const auto same = [](std::string_view a, std::string_view b) {
    std::string reason;
    return same_origin(*parse_url(a, reason), *parse_url(b, reason));
  };
  EXPECT_TRUE(same("http://h/x", "http://H:80/y?z"));
  EXPECT_TRUE(same("https://u@[::1]:443", "https://[::1]/"));
  EXPECT_FALSE(same("http://h", "https://h"));
  EXPECT_FALSE(same("http://h", "http://h:81"));
  EXPECT_FALSE(same("http://h", "http://h.evil"));
  EXPECT_FALSE(same("http://localhost", "http://127.0.0.1"));
}

TEST(Url, BasicCredentialsAreDecoded) {
  const std::pair<std::string_view, std::optional<std::string>> cases[] = {
      {"us%40er:s3cret", "us@er:s3cret"}, {"user", "user:"},         {"user:", "user:"},
      {"u:p%3Aq:r", "u:p:q:r"},           {"u%3Au:p", std::nullopt}, {"u:100%", std::nullopt}};
  for (const auto& [text, credentials] : cases) EXPECT_EQ(basic_credentials(text), credentials) << text;
}

}  // namespace
}  // namespace weir
