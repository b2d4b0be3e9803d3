#include "mcp/message.h"

#include <gtest/gtest.h>

#include <ctime>

namespace weir {
namespace {

auto index(std::string_view text, Message::From from = Message::From::client) {
  return Message::index(Bytes::copy_of(text), JsonLimits{}, from);
}

TEST(Message, GivesTheSpansOfACall) {
  const auto message = index(
      R"({"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call","params":{"name":"a\u0062c","arguments":{"x":1.0,"big":1e400},)"
      R"("_meta":{"progressToken":"42","io.modelcontextprotocol/protocolVersion":"2026-07-28","x":[1]}},"extra":{"k":1}})");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind(), Message::Kind::request);
  EXPECT_EQ(message->raw_id(), "9007199254740993");
  EXPECT_EQ(message->method(), "tools/call");
  EXPECT_EQ(message->param().find("arguments"), R"({"x":1.0,"big":1e400})");
  EXPECT_EQ(message->param().find("name"), R"("a\u0062c")");
  std::string name;
  ASSERT_TRUE(message->param_text("name", name));
  EXPECT_EQ(name, "abc");
  EXPECT_EQ(message->meta().find("progressToken"), "\"42\"");
  EXPECT_EQ(message->meta().size(), 3u);
  EXPECT_EQ(message->text().substr(message->offset_of(message->raw_id()), 4), "9007");
}

TEST(Message, TellsKindsApart) {
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","method":"notifications/cancelled"})")->kind(),
            Message::Kind::notification);
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","id":"","result":{}})")->kind(), Message::Kind::result);
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","id":0,"result":null})")->result(), "null");
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}})")->kind(),
            Message::Kind::error);
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","id":1,"m\u0065thod":"p\u0069ng"})")->method(), "ping");
}

struct Bad {
  const char* text;
  int code;
  const char* id;
};

TEST(Message, RefusesWithCodeAndId) {
  const Bad cases[] = {
      {"", -32700, ""},
      {"{", -32700, ""},
      {R"({"jsonrpc":"2.0","id":1,"method":"x",})", -32700, ""},
      {"\"x\"", -32600, ""},
      {"[]", -32600, ""},
      {R"({"id":1,"method":"x"})", -32600, "1"},
      {R"({"jsonrpc":"1.0","id":1,"method":"x"})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1.0,"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":1e3,"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":null,"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":true,"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":[1],"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":"a","method":7})", -32600, "\"a\""},
      {R"({"jsonrpc":"2.0","id":"a","Method":"x"})", -32600, "\"a\""},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","result":{}})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1})", -32600, "1"},
      {R"({"jsonrpc":"2.0","result":{}})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":[1]})", -32602, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":3})", -32602, "1"},
      {R"({"jsonrpc":"2.0","id":1,"id":2,"method":"x"})", -32600, ""},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","m\u0065thod":"y"})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a","name":"b"}})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"a":1,"a":2}}})", -32600, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{"a":1,"a":2}}})", -32602, "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{"b":[{"a":1,"\u0061":2}]}}})", -32602,
       "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{},"z":{"a":1,"a":2}}})", -32600, "1"},
  };
  for (const Bad& bad : cases) {
    const auto message = index(bad.text);
    ASSERT_FALSE(message.has_value()) << bad.text;
    EXPECT_EQ(message.error().code, bad.code) << bad.text << " " << message.error().reason;
    EXPECT_EQ(message.error().raw_id, bad.id) << bad.text;
  }
}

// `count` names in params, and then `more`.
std::string with_params(int count, const std::string& more) {
  std::string text = R"({"jsonrpc":"2.0","id":1,"method":"x","params":{)";
  for (int i = 0; i < count; ++i) text += "\"name" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  return text + more + "}}";
}

TEST(Message, FindsRepeatedNamesAmongMany) {
  EXPECT_TRUE(index(with_params(200, R"("other":1)")).has_value());
  for (const char* again : {R"("name3":1)", R"("name199":1)", R"("n\u0061me3":1)", R"("a\u0062":1,"ab":2)"}) {
    const auto message = index(with_params(200, again));
    ASSERT_FALSE(message.has_value()) << again;
    EXPECT_EQ(message.error().code, -32600) << again;
  }
  EXPECT_FALSE(index(with_params(200, R"("name3":1)"), Message::From::upstream).has_value());
}

// Compared by this thread's own time, which others on the machine do not change: eight times as many names
// are not to take the square of that.
TEST(Message, ManyNamesTakeNoSquareOfTime) {
  const auto ticks_for = [](int count) {
    const std::string text = with_params(count, R"("other":1)");
    timespec begun{};
    timespec ended{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    EXPECT_TRUE(index(text).has_value());
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    return (ended.tv_sec - begun.tv_sec) * 1'000'000'000L + ended.tv_nsec - begun.tv_nsec;
  };
  const long few = ticks_for(10'000);
  EXPECT_LT(ticks_for(80'000), 30 * few);
}

TEST(Message, AnUpstreamRepeatsNoNameThatDecides) {
  for (const char* text : {
           R"({"jsonrpc":"2.0","id":1,"id":2,"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"\u0069d":2,"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"result":{},"result":{"a":1}})",
           R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}})",
           R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"},"error":{"code":2,"message":"m"}})",
           R"({"jsonrpc":"2.0","method":"x","params":{"a":1},"p\u0061rams":{"d":4}})",
           R"({"jsonrpc":"2.0","method":"x","params":{"a":1,"_meta":{},"_meta":{}}})",
           R"({"jsonrpc":"2.0","method":"x","params":{"_meta":{"c":3,"c":3}}})",
       }) {
    const auto message = index(text, Message::From::upstream);
    EXPECT_FALSE(message.has_value()) << text;
  }
  // Whose call it spoils can still be told.
  EXPECT_EQ(index(R"({"jsonrpc":"2.0","id":1,"id":2,"result":{}})", Message::From::upstream).error().raw_id,
            "1");
  // What lies deeper is its client's to read.
  EXPECT_TRUE(
      index(R"({"jsonrpc":"2.0","id":1,"result":{"b":{"a":1,"a":2}}})", Message::From::upstream).has_value());
}

TEST(Message, ResultsAndErrorsHaveTheirShape) {
  for (const char* rest :
       {R"("result":"done")", R"("result":null)", R"("result":[])", R"("error":"bad")", R"("error":null)",
        R"("error":{"message":"m"})", R"("error":{"code":1})", R"("error":{"code":"1","message":"m"})",
        R"("error":{"code":1.5,"message":"m"})", R"("error":{"code":1,"message":7})"})
    EXPECT_FALSE(
        index(R"({"jsonrpc":"2.0","id":1,)" + std::string(rest) + "}", Message::From::upstream).has_value())
        << rest;
  EXPECT_TRUE(index(R"({"jsonrpc":"2.0","id":1,"error":{"data":[],"m\u0065ssage":"m","code":-32000}})",
                    Message::From::upstream)
                  .has_value());
}

TEST(Message, KeepsManyMembers) {
  std::string text = R"({"jsonrpc":"2.0","id":1,"method":"x","params":{)";
  for (int i = 0; i < 40; ++i)
    text += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + "\":" + std::to_string(i);
  const auto message = index(text + "}}");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->param().size(), 40u);
  EXPECT_EQ(message->param().find("p39"), "39");
  EXPECT_FALSE(index(text + ",\"p20\":1}}").has_value());
}

TEST(Batch, SplitsIntoMessages) {
  const auto batch = split_batch(Bytes::copy_of(R"([ {"a":1} , {"b":2}])"), JsonLimits{}, 10);
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(batch->size(), 2u);
  EXPECT_EQ((*batch)[1].view(), R"({"b":2})");
  for (const char* bad : {"[]", "{}", "[1,]", "[1,2,3]", "[1] x"})
    EXPECT_FALSE(split_batch(Bytes::copy_of(bad), JsonLimits{}, 2).has_value()) << bad;
}

}  // namespace
}  // namespace weir
