#include "mcp/outgoing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "mcp/splice.h"

namespace weir {
namespace {

Message message(std::string_view text, Message::From from = Message::From::client) {
  auto indexed = Message::index(Bytes::copy_of(text), JsonLimits(), from);
  EXPECT_TRUE(indexed) << text << ": " << (indexed ? "" : indexed.error().reason);
  return std::move(*indexed);
}

std::string request(std::string_view text, OutgoingRequest options) {
  const Message in = message(text);
  if (options.id.empty()) options.id = "77";
  std::string out;
  append_request(out, in, *find_method(in.method()), options);
  message(out, Message::From::upstream);  // still valid
  return out;
}

constexpr std::string_view kNewCall =
    R"({"jsonrpc":"2.0", "params":{"name":"a__b","arguments":{"x":1.0,"big":12345678901234567890},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"t","io.modelcontextprotocol/clientCapabilities":{},"own/key":{"k":1.10}}},"method":"tools/call","id":"c1"})";

TEST(Outgoing, NewToNewTouchesOnlyWhatIsOurs) {
  OutgoingRequest options;
  options.target = "b";
  EXPECT_EQ(
      request(kNewCall, options),
      R"({"jsonrpc":"2.0", "params":{"name":"b","arguments":{"x":1.0,"big":12345678901234567890},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":77,"io.modelcontextprotocol/clientCapabilities":{},"own/key":{"k":1.10}}},"method":"tools/call","id":77})");
}

TEST(Outgoing, NewToOldLosesTheEnvelope) {
  OutgoingRequest options;
  options.upstream = Revision::v2025_11_25;
  EXPECT_EQ(
      request(kNewCall, options),
      R"({"jsonrpc":"2.0", "params":{"name":"a__b","arguments":{"x":1.0,"big":12345678901234567890},"_meta":{"progressToken":77,"own/key":{"k":1.10}}},"method":"tools/call","id":77})");
}

// Every choice of members of `_meta`, in every order of two, with and without a trace to add: what goes out
// is valid, is as long as was said before, and has the members that it should.
TEST(Outgoing, MembersGoAndComeAtTheSamePlace) {
  const std::vector<std::string> members = {
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28")",
      R"("io.modelcontextprotocol/clientInfo":{"name":")" + std::string(60'000, 'n') + "\"}",
      R"("io.modelcontextprotocol/clientCapabilities":{})",
      R"("io.modelcontextprotocol/logLevel":"info")",
      R"("own/key":1)",
      R"("progressToken":"t")",
      R"("traceparent":"00-11111111111111111111111111111111-2222222222222222-01")"};
  for (const Revision upstream : {Revision::v2025_11_25, Revision::v2026_07_28})
    for (unsigned chosen = 0; chosen < 1U << members.size(); ++chosen)
      for (const bool backwards : {false, true})
        for (const bool traced : {false, true}) {
          std::vector<std::string> meta;
          for (std::size_t i = 0; i < members.size(); ++i)
            if ((chosen >> i & 1U) != 0) meta.push_back(members[i]);
          if (backwards) std::reverse(meta.begin(), meta.end());
          std::string joined;
          for (const std::string& one : meta) joined += (joined.empty() ? "" : ",") + one;
          OutgoingRequest options;
          options.upstream = upstream;
          if (traced) options.traceparent = "00-33333333333333333333333333333333-4444444444444444-01";
          const std::string text = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{)" +
                                   joined + R"(},"name":"a"}})";
          const std::string out = request(text, options);
          const Message sent = message(out, Message::From::upstream);
          EXPECT_EQ(sent.meta().find("own/key").empty(), (chosen & 16U) == 0);
          EXPECT_EQ(sent.meta().find("traceparent").empty(), !traced && (chosen & 64U) == 0);
          if (traced) {
            EXPECT_NE(sent.meta().find("traceparent").find("33333333"), std::string_view::npos);
          }
        }
}

TEST(Outgoing, AnEmptyMetaGoesWhole) {
  OutgoingRequest options;
  options.upstream = Revision::v2025_11_25;
  EXPECT_EQ(
      request(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})",
          options),
      R"({"jsonrpc":"2.0","id":77,"method":"tools/list","params":{}})");
}

TEST(Outgoing, OldToNewGainsTheEnvelope) {
  OutgoingRequest options;
  options.client = Revision::v2025_06_18;
  options.client_info = R"({"name":"c"})";
  options.capabilities = R"({"roots":{}})";
  options.log_level = "info";
  const std::string envelope =
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/clientCapabilities":{"roots":{}},"io.modelcontextprotocol/logLevel":"info")";
  EXPECT_EQ(request(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", options),
            R"({"jsonrpc":"2.0","id":77,"method":"tools/list","params":{"_meta":{)" + envelope + "}}}");
  EXPECT_EQ(request(R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}})", options),
            R"({"jsonrpc":"2.0","id":77,"method":"tools/list","params":{"_meta":{)" + envelope + "}}}");
  EXPECT_EQ(request(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"a":1}}})",
                    options),
            R"({"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"x","_meta":{)" + envelope +
                R"(,"a":1}}})");
}

TEST(Outgoing, TraceContextIsReplacedOrAdded) {
  OutgoingRequest options;
  options.upstream = options.client = Revision::v2025_11_25;
  options.traceparent = "00-1-2-01";
  EXPECT_EQ(
      request(
          R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"traceparent":"old"}}})",
          options),
      R"({"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"x","_meta":{"traceparent":"00-1-2-01"}}})");
  EXPECT_EQ(
      request(R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}})", options),
      R"({"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"_meta":{"traceparent":"00-1-2-01"},"name":"x"}})");
}

TEST(Outgoing, CompletionsNameSitsInItsRef) {
  OutgoingRequest options;
  options.target = "p";
  EXPECT_EQ(
      request(
          R"({"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"s__p"},"argument":{"name":"a","value":""}}})",
          options),
      R"({"jsonrpc":"2.0","id":77,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}})");
}

std::string response(std::string_view method, std::string_view text, OutgoingAnswer options) {
  const Message in = message(text, Message::From::upstream);
  if (options.client_id.empty()) options.client_id = "\"c\"";
  std::string out;
  append_response(out, in, *find_method(method), options);
  message(out, Message::From::upstream);
  return out;
}

TEST(Outgoing, AnswersPassWithinAnEra) {
  EXPECT_EQ(response("tools/call", R"({"result":{"content":[],"n":1.0} ,"id":5,"jsonrpc":"2.0"})", {}),
            R"({"result":{"content":[],"n":1.0} ,"id":"c","jsonrpc":"2.0"})");
}

TEST(Outgoing, OldAnswersGainTheNewMembers) {
  OutgoingAnswer options;
  options.upstream = Revision::v2025_11_25;
  EXPECT_EQ(response("tools/call", R"({"jsonrpc":"2.0","id":5,"result":{"content":[]}})", options),
            R"({"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","content":[]}})");
  EXPECT_EQ(
      response("resources/read", R"({"jsonrpc":"2.0","id":5,"result":{}})", options),
      R"({"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","ttlMs":0,"cacheScope":"private"}})");
  EXPECT_EQ(response("resources/read", R"({"jsonrpc":"2.0","id":5,"error":{"code":-32002,"message":"no"}})",
                     options),
            R"({"jsonrpc":"2.0","id":"c","error":{"code":-32602,"message":"no"}})");
}

TEST(Outgoing, NewAnswersLoseThem) {
  OutgoingAnswer options;
  options.client = Revision::v2025_06_18;
  EXPECT_EQ(
      response(
          "resources/read",
          R"({"jsonrpc":"2.0","id":5,"result":{"ttlMs":5,"contents":[],"x":1,"resultType":"complete","cacheScope":"public"}})",
          options),
      R"({"jsonrpc":"2.0","id":"c","result":{"contents":[],"x":1}})");
  EXPECT_EQ(
      response(
          "resources/read",
          R"({"jsonrpc":"2.0","id":5,"result":{"ttl\u004ds":5,"contents":[],"result\u0054ype":"complete"}})",
          options),
      R"({"jsonrpc":"2.0","id":"c","result":{"contents":[]}})");
  EXPECT_EQ(response("tools/call", R"({"jsonrpc":"2.0","id":5,"result":{"resultType":"complete"}})", options),
            R"({"jsonrpc":"2.0","id":"c","result":{}})");
}

TEST(Outgoing, AnAliasedUriComesBack) {
  OutgoingAnswer options;
  options.uri_from = "a://1";
  options.uri_to = "weir://s/a://1";
  EXPECT_EQ(
      response("resources/read",
               R"({"jsonrpc":"2.0","id":5,"result":{"contents":[{"uri":"a://1","text":"a://1"}]}})", options),
      R"({"jsonrpc":"2.0","id":"c","result":{"contents":[{"uri":"weir://s/a://1","text":"a://1"}]}})");
}

TEST(Outgoing, ProgressGoesUnderTheClientsToken) {
  const Message in = message(
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":77}})",
      Message::From::upstream);
  std::string out;
  append_notification(out, in, "\"42\"");
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.0,"progressToken":"42"}})");
}

TEST(Splices, EveryPatternOfDroppedMembersLeavesAnObject) {
  const std::string text = R"({"a":1, "b" : [2] ,"c":"}" , "d":{}})";
  const RawMembers members = members_of(text);
  ASSERT_EQ(members.size(), 4U);
  for (unsigned pattern = 0; pattern < 16; ++pattern) {
    std::vector<bool> dropped(4);
    for (unsigned i = 0; i < 4; ++i) dropped[i] = (pattern >> i & 1U) != 0;
    Splices splices(text);
    splices.erase_members(members, dropped);
    std::string out;
    splices.append_to(out);
    EXPECT_EQ(out.size(), splices.size());
    JsonCursor cursor(out, JsonLimits(), true);
    cursor.take_value();
    EXPECT_TRUE(cursor.finish()) << out;
    const RawMembers left = members_of(out);
    std::size_t at = 0;
    for (unsigned i = 0; i < 4; ++i) {
      if (dropped[i]) continue;
      ASSERT_LT(at, left.size()) << out;
      EXPECT_EQ(left[at].name, members[i].name);
      EXPECT_EQ(left[at].value, members[i].value);
      ++at;
    }
    EXPECT_EQ(at, left.size()) << out;
  }
}

}  // namespace
}  // namespace weir
