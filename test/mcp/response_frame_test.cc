#include "mcp/response_frame.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

TEST(ResponseFrame, FindsTheIdInFrontOfTheResult) {
  const auto head = frame_at_head(R"( {"jsonrpc":"2.0","id":"a\"b","result":{"content":[)");
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->id, R"("a\"b")");
  EXPECT_EQ(frame_at_head(R"({"id":7,"jsonrpc":"2.0","result" : {)")->id, "7");
  EXPECT_EQ(head->result, R"({"content":[)");
}

TEST(ResponseFrame, KnowsThatTheIdComesLater) {
  const auto head = frame_at_head(R"({"result":{"a":1},"jsonr)");
  ASSERT_TRUE(head.has_value());
  EXPECT_TRUE(head->id.empty());
}

TEST(ResponseFrame, LeavesWhatIsNotPlainlyAResult) {
  for (const char* text :
       {R"({"jsonrpc":"2.0","id":1,"error":{)", R"({"jsonrpc":"2.0","result":{)", R"({"id":1,"result":{)",
        R"({"jsonrpc":"2.0","id":1,"x":1,"result":{)", R"({"jsonrpc":"2.0","id":1,"id":2,"result":{)",
        R"({"jsonrpc":"1.0","id":1,"result":{)", R"({"result":[)", R"({"result":)", R"([{"result":{)", "",
        "{}", R"({"jsonrpc":"2.0","id":1,"re\u0073ult":{)"})
    EXPECT_FALSE(frame_at_head(text).has_value()) << text;
}

TEST(ResponseFrame, FindsTheIdBehindTheResult) {
  EXPECT_EQ(frame_at_tail(R"("x"}]},"jsonrpc":"2.0","id":12})"), "12");
  EXPECT_EQ(frame_at_tail(R"(}} , "id" : "q" , "jsonrpc":"2.0" } )"), R"("q")");
  // A string of the result that looks like an end, and one that is cut.
  EXPECT_EQ(frame_at_tail(R"({"t":"},\"id\":3}"},"jsonrpc":"2.0","id":4})"), "4");
  EXPECT_EQ(frame_at_tail(R"(bla },"jsonrpc":"2.0","id":1},"text"]},"id":5,"jsonrpc":"2.0"})"), "5");
}

TEST(ResponseFrame, LeavesWhatIsNotPlainlyAnEnd) {
  for (const char* text : {R"(}},"id":12})", R"(}},"jsonrpc":"2.0"})", R"(}},"jsonrpc":"2.0","id":1)",
                           R"(}},"jsonrpc":"2.0","id":1}})", R"(}},"jsonrpc":"2.0","id":1,"x":2})",
                           R"(}},"jsonrpc":"2.0","id":1,"id":2})", "", "}"})
    EXPECT_TRUE(frame_at_tail(text).empty()) << text;
}

}  // namespace
}  // namespace weir
