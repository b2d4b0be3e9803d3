#include "front/envelope.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

RequestHead head_with(const std::string& text) {
  RequestHead head;
  HeadRefusal refusal;
  EXPECT_EQ(parse_request(text, HeadLimits(), head, refusal), HeadState::done);
  return head;
}

// A header may hold bytes that are no UTF-8: what is said of it is JSON all the same.
TEST(Envelope, AnUnknownVersionIsRepeatedAsText) {
  const std::string text =
      "POST /mcp HTTP/1.1\r\nHost: a\r\nMCP-Protocol-Version: 2026-07\xF6"
      "28\r\n\r\n";
  const RequestHead head = head_with(text);
  const auto fault = check_old_version(head);
  ASSERT_TRUE(fault);
  EXPECT_TRUE(utf8_valid(fault->data));
  EXPECT_NE(fault->data.find(R"("requested":"2026-07?28")"), std::string::npos) << fault->data;
}

}  // namespace
}  // namespace weir
