#include "config/text_rules.h"

#include <gtest/gtest.h>

#include "base/url.h"

namespace weir {
namespace {

TEST(ConfigTextRules, Addresses) {
  const std::pair<std::string_view, AddressConfig> good[] = {
      {"127.0.0.1:8080", {"127.0.0.1", 8080}}, {"[::1]:0", {"::1", 0}}, {"localhost:80", {"localhost", 80}},
      {"0.0.0.0:65535", {"0.0.0.0", 65535}},   {"[::]:1", {"::", 1}},   {"LOCALHOST:1", {"LOCALHOST", 1}},
  };
  for (const auto& [text, expected] : good) {
    AddressConfig address;
    EXPECT_EQ(address_fault(text, address), "") << text;
    EXPECT_EQ(address, expected) << text;
    EXPECT_EQ(to_string(address), text);
  }
  for (std::string_view bad : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                               "127.0.0.1:-1", "::1:80", "[127.0.0.1]:80", "[::1]", "example.com:80",
                               "256.0.0.1:80", "127.0.0.1:80x", "[]:80", "127.1:80", "http://127.0.0.1:80"}) {
    AddressConfig address;
    EXPECT_NE(address_fault(bad, address), "") << bad;
  }
}

TEST(ConfigTextRules, Loopback) {
  for (std::string_view host : {"127.0.0.1", "127.255.0.3", "::1", "localhost", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (std::string_view host :
       {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "example.com", "", "::ffff:10.0.0.1"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(ConfigTextRules, Urls) {
  for (std::string_view good :
       {"http://h", "https://h.example.com/mcp?a=b", "HTTP://h:1/", "http://u:p@h:8/x",
        "http://u%40b:%25@h/x", "http://[::1]:80/mcp", "http://10.0.0.1", "https://a_b/"}) {
    EXPECT_EQ(url_fault(good), "") << good;
    std::string reason;
    EXPECT_TRUE(parse_url(good, reason)) << good << ": " << reason;  // which the rest relies on
  }
  const std::pair<std::string_view, std::string_view> bad[] = {
      {"", "must start with http:// or https://"},
      {"h", "must start with http:// or https://"},
      {"ws://h", "must start with http:// or https://"},
      {"http:/h", "must start with http:// or https://"},
      {"http://", "has no host"},
      {"http://:80", "has no host"},
      {"http://u@/x", "has no host"},
      {"http://u:100%@h/x",
       "must have two hex digits after each % of its user info, and no colon in the user: "
       "a literal % is %25"},
      {"http://a b/", "must not contain white space or control characters"},
      {"http://a/\n", "must not contain white space or control characters"},
      {"http://a/\xC3\xBC", "must be written in ASCII: %XX for each byte of another character in a path"},
      {"http://a/#f", "must not have a fragment (#...)"},
      {"http://a:0/", "has a malformed port"},
      {"http://a:x/", "has a malformed port"},
      {"http://a:65536/", "has a malformed port"},
      {"http://a:/", "has a malformed port"},
      {"http://[::1/", "has a malformed host"},
      {"http://[::1]x/", "has a malformed host"},
      {"http://a,b/", "has a malformed host"},
  };
  for (const auto& [text, fault] : bad) EXPECT_EQ(url_fault(text), fault) << text;
  EXPECT_EQ(url_fault("http://h/" + std::string(9000, 'x')), "must not be longer than 8192 bytes");
}

TEST(ConfigTextRules, AddressesAndPaths) {
  for (std::string_view ip : {"10.0.0.1", "::1", "fe80::1"}) EXPECT_TRUE(is_ip_address(ip)) << ip;
  for (std::string_view name : {"localhost", "h", "10.0.0.1.example", "[::1]", "", "10.0.0.256"})
    EXPECT_FALSE(is_ip_address(name)) << name;
  for (std::string_view path : {"/", "/health", "/a/b?c=d"}) EXPECT_EQ(request_path_fault(path), "") << path;
  for (std::string_view path : {"", "health", "http://h/", "/a b", "/a\r\nX: y", "/a#b", "/\xC3\xBC"})
    EXPECT_EQ(request_path_fault(path),
              "must start with / and have no white space, no #, and nothing but ASCII")
        << path;
  EXPECT_EQ(request_path_fault("/" + std::string(9000, 'x')), "must not be longer than 8192 bytes");
}

TEST(ConfigTextRules, Headers) {
  for (std::string_view good : {"Authorization", "X-Api-Key", "a", "x!#$%&'*+-.^_`|~1"})
    EXPECT_EQ(header_name_fault(good), "") << good;
  for (std::string_view bad : {"", "a b", "a:", "\xC3\xA9", "a\n", "a("})
    EXPECT_EQ(header_name_fault(bad), "is no name for a header") << bad;
  for (std::string_view ours : {"Host", "content-length", "Mcp-Session-Id", "TE"})
    EXPECT_EQ(header_name_fault(ours), "is set by Weir itself") << ours;
  for (std::string_view good : {"", "a b", "Bearer x", "a\tb", "\xC3\xA9"})
    EXPECT_EQ(header_value_fault(good), "");
  for (std::string_view bad : {"a\r\nb", "a\n", "\x7F", " a", "a ", "a\t"})
    EXPECT_NE(header_value_fault(bad), "") << bad;
  EXPECT_NE(header_value_fault(std::string_view("a\0b", 3)), "");
}

TEST(ConfigTextRules, Names) {
  for (std::string_view good : {"a", "my-server", "my_server", "A1", "_x", "x-"})
    EXPECT_EQ(server_name_fault(good, "__"), "") << good;
  for (std::string_view bad : {"", "a b", "a.b", "a/b", "\xC3\xA9"})
    EXPECT_EQ(server_name_fault(bad, "__"), "must be 1 to 32 letters, digits, underscores or hyphens") << bad;
  EXPECT_NE(server_name_fault(std::string(33, 'a'), "__"), "");
  for (std::string_view bad : {"a__b", "a_", "__"}) EXPECT_NE(server_name_fault(bad, "__"), "") << bad;
  EXPECT_NE(server_name_fault("my_server", "_"), "");
  EXPECT_EQ(server_name_fault("a_", "."), "");
  for (std::string_view good : {"_", "__", ".", "-x-"}) EXPECT_EQ(separator_fault(good), "");
  for (std::string_view bad : {"", "123456789", "/", " ", "::"}) EXPECT_NE(separator_fault(bad), "") << bad;
  for (std::string_view good : {"PATH", "npm_config_x", "A.B"}) EXPECT_EQ(environment_name_fault(good), "");
  for (std::string_view bad : {"", "A=B", "A B", "A\n", "\xC3\xA9"})
    EXPECT_NE(environment_name_fault(bad), "");
  EXPECT_EQ(tool_name_fault("a b"), "");
  EXPECT_NE(tool_name_fault("a\n"), "");
  EXPECT_EQ(module_name_fault("health"), "");
  EXPECT_NE(module_name_fault("he alth"), "");
}

TEST(ConfigTextRules, OriginsAndHosts) {
  for (std::string_view good :
       {"http://localhost", "http://localhost:*", "https://a.b:8443", "vscode-webview://abc"})
    EXPECT_EQ(origin_fault(good), "") << good;
  for (std::string_view bad :
       {"", "*", "null", "localhost", "http://", "http://a/", "http://a/b", "http://a:x", "http://a:**"})
    EXPECT_NE(origin_fault(bad), "") << bad;
  for (std::string_view good : {"mcp.example.com", "localhost", "10.0.0.1", "[::1]"})
    EXPECT_EQ(host_fault(good), "");
  for (std::string_view bad : {"", "a:80", "*", "::1", "http://a", "a b", ".a"})
    EXPECT_NE(host_fault(bad), "") << bad;
}

}  // namespace
}  // namespace weir
