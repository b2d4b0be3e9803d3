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
