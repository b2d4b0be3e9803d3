#include "gateway/guard.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// What check_action() says to a POST with these header lines.
int status_of(std::string_view lines) {
  const std::string text = "POST /reload HTTP/1.1\r\nHost: 127.0.0.1:9901\r\n" + std::string(lines) + "\r\n";
  RequestHead head;
  HeadRefusal refusal;
  EXPECT_EQ(parse_request(text, HeadLimits(), head, refusal), HeadState::done) << text;
  std::string reason;
  const int status = check_action(head, reason);
  EXPECT_EQ(status == 0, reason.empty());
  return status;
}

constexpr std::string_view kMark = "X-Weir-Action: 1\r\n";
std::string with_mark(std::string_view lines) { return std::string(lines).append(kMark); }

// What check_entry() says to a request for this Host at an address that is bound to loopback; `origin` empty:
// it has none.
int entry_status(std::string_view host, std::string_view origin = {}) {
  static const std::vector<std::string> hosts = {"gate.example"};
  static const std::vector<std::string> none;
  std::string text = "GET /mcp HTTP/1.1\r\nHost: " + std::string(host) + "\r\n";
  if (!origin.empty()) text += "Origin: " + std::string(origin) + "\r\n";
  RequestHead head;
  HeadRefusal refusal;
  text += "\r\n";
  // What is no Host at all is refused before anybody asks whose it is.
  if (parse_request(text, HeadLimits(), head, refusal) != HeadState::done) return refusal.status;
  std::string reason;
  return check_entry({true, hosts, none}, head, reason);
}

TEST(GuardEntry, AHostIsANameAndAPort) {
  for (const std::string_view host : {"localhost", "LOCALHOST:1", "127.0.0.1:65535", "[::1]", "[::1]:8080",
                                      "gate.example", "Gate.Example:443", "localhost:"})
    EXPECT_EQ(entry_status(host), 0) << host;
  for (const std::string_view host :
       {"localhost:80@evil.example", "localhost:evil.example", "[::1]evil.example", "[::1].evil.example:80",
        "[::1", "localhost:123456", "gate.example:4x", "evil.example", "localhost.evil.example", "::1",
        "[127.0.0.1]", "[gate.example]", "[localhost]:80"})
    EXPECT_TRUE(entry_status(host) == 403 || entry_status(host) == 400) << host;
}

TEST(GuardEntry, AnOwnOriginIsTheHostBehindAScheme) {
  EXPECT_EQ(entry_status("localhost:8080", "http://localhost:8080"), 0);
  EXPECT_EQ(entry_status("localhost:8080", "https://LOCALHOST:8080"), 0);
  for (const std::string_view origin : {"http:evil://localhost:8080", "http://evil.example://localhost:8080",
                                        "https:x//://localhost:8080", "ftp://localhost:8080", "null"})
    EXPECT_EQ(entry_status("localhost:8080", origin), 403) << origin;
}

TEST(GuardAction, ProgramsPass) {
  EXPECT_EQ(status_of(""), 0);
  EXPECT_EQ(status_of("User-Agent: curl/8\r\n"), 0);
  EXPECT_EQ(status_of(kMark), 0);
}

TEST(GuardAction, ABrowserPassesFromThisAddressWithTheMarkOnly) {
  EXPECT_EQ(status_of(with_mark("Origin: http://127.0.0.1:9901\r\n")), 0);
  EXPECT_EQ(status_of(with_mark("Origin: http://127.0.0.1:9901\r\nSec-Fetch-Site: same-origin\r\n")), 0);
  EXPECT_EQ(status_of(with_mark("Sec-Fetch-Site: same-origin\r\n")), 0);
  EXPECT_EQ(status_of("Origin: http://127.0.0.1:9901\r\n"), 403);
  EXPECT_EQ(status_of("Sec-Fetch-Site: same-origin\r\n"), 403);
  EXPECT_EQ(status_of("Origin: http://127.0.0.1:9901\r\nX-Weir-Action: 0\r\n"), 403);
}

TEST(GuardAction, OtherOriginsNeverPass) {
  for (const std::string_view line :
       {"Origin: http://127.0.0.1:9902\r\n", "Origin: http://evil.example\r\n", "Origin: null\r\n",
        "Origin: http://127.0.0.1:9901.evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n", "Sec-Fetch-Site: none\r\n",
        "Origin: http://127.0.0.1:9901\r\nSec-Fetch-Site: cross-site\r\n"})
    EXPECT_EQ(status_of(with_mark(line)), 403) << line;
}

}  // namespace
}  // namespace weir
