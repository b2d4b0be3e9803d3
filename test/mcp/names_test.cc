#include "mcp/names.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/digest.h"
#include "mcp/fault_map.h"
#include "mcp/header_value.h"
#include "mcp/merge.h"
#include "mcp/session_id.h"
#include "mcp/version.h"

namespace weir {
namespace {

TEST(Names, PrefixedAndShortened) {
  NameRules rules;
  EXPECT_EQ(exposed_name(rules, "s", std::string(90, 'x')), std::string(90, 'x'));
  rules.prefixed = true;
  EXPECT_EQ(exposed_name(rules, "files", "read"), "files__read");
  const std::string name = exposed_name(rules, "files", std::string(80, 'x'));
  EXPECT_EQ(name.size(), kNameMax);
  EXPECT_EQ(name.substr(0, 52), "files__" + std::string(44, 'x') + "_");
  EXPECT_EQ(name, exposed_name(rules, "files", std::string(80, 'x')));
  EXPECT_NE(name, exposed_name(rules, "files", std::string(81, 'x')));
  EXPECT_EQ(exposed_name(rules, "a", std::string(57, 'x')).size(), 60U);
  EXPECT_EQ(unprefixed(rules, "files", "files__read"), "read");
  EXPECT_EQ(unprefixed(rules, "file", "files__read"), "");
}

TEST(Names, AliasedUris) {
  std::string_view server;
  std::string_view uri;
  const std::string alias = aliased_uri("b", "file:///x");
  EXPECT_EQ(alias, "weir://b/file:///x");
  ASSERT_TRUE(split_aliased_uri(alias, server, uri));
  EXPECT_EQ(server, "b");
  EXPECT_EQ(uri, "file:///x");
  for (const char* wrong : {"", "weir://", "weir://b", "weir://b/", "weir:///x", "file:///x"})
    EXPECT_FALSE(split_aliased_uri(wrong, server, uri)) << wrong;
}

TEST(Base64, BothFormsAndEveryLength) {
  EXPECT_EQ(base64_encode("fo", Base64::standard), "Zm8=");
  EXPECT_EQ(base64_encode("\xfb\xff", Base64::url), "-_8");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += static_cast<char>(i * 7);
    for (const Base64 form : {Base64::standard, Base64::url})
      ASSERT_EQ(base64_decode(base64_encode(bytes, form), form), bytes);
  }
  for (const char* wrong : {"A", "Zm8", "Zm9=", "Z===", "Zm8=Zm8=", "Zm 8"})
    EXPECT_FALSE(base64_decode(wrong, Base64::standard)) << wrong;
}

TEST(HeaderValue, SentinelWhereNeeded) {
  EXPECT_EQ(encode_header_value("get_weather"), "get_weather");
  EXPECT_EQ(encode_header_value("f\xc3\xbcr"), "=?base64?ZsO8cg==?=");
  EXPECT_EQ(decode_header_value("=?base64?ZsO8cg==?="), "f\xc3\xbcr");
  EXPECT_EQ(decode_header_value("=?base64?no end"), "=?base64?no end");
  EXPECT_FALSE(decode_header_value("=?base64?!!!?="));
  for (const std::string text : {" x", "x ", "=?base64?eA==?=", "a\nb", ""})
    EXPECT_EQ(decode_header_value(encode_header_value(text)), text);
}

TEST(SessionId, OpensOnlyWhatWasSealedSo) {
  const Sealer sealer(std::string(32, 'k'), 1);
  Sealed content;
  content.gateway = 0x01020304;
  content.shard = 7;
  content.payload = "payload";
  const std::string id = sealer.seal("session", "alice", content);
  EXPECT_EQ(sealer.open("session", "alice", id), content);
  EXPECT_FALSE(sealer.open("session", "bob", id));
  EXPECT_FALSE(sealer.open("cursor", "alice", id));
  EXPECT_FALSE(Sealer(std::string(32, 'q'), 1).open("session", "alice", id));
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string forged = id;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(sealer.open("session", "alice", forged)) << i;
    EXPECT_FALSE(sealer.open("session", "alice", id.substr(0, i))) << i;
  }
}

TEST(Version, ProbesSayTheEra) {
  EXPECT_EQ(classify_probe(200, true, 0), ProbeVerdict::modern);
  for (const int code : {-32020, -32021, -32022})
    EXPECT_EQ(classify_probe(400, false, code), ProbeVerdict::modern);
  for (const int status : {200, 400, 404, 405, 406})
    EXPECT_EQ(classify_probe(status, false, -32000), ProbeVerdict::legacy);
  EXPECT_EQ(classify_probe(401, false, 0), ProbeVerdict::needs_auth);
  EXPECT_EQ(classify_probe(403, false, -32000), ProbeVerdict::needs_auth);
  for (const int status : {429, 500, 502, 503, 504})
    EXPECT_EQ(classify_probe(status, false, -32603), ProbeVerdict::no_statement);
  EXPECT_EQ(negotiate_old("2024-11-05"), Revision::v2024_11_05);
  EXPECT_EQ(negotiate_old("2025-03-26"), Revision::v2025_03_26);
  EXPECT_EQ(negotiate_old("2026-07-28"), Revision::v2025_11_25);
  EXPECT_EQ(negotiate_old("1900-01-01"), Revision::v2025_11_25);
}

TEST(FaultMap, WeirsOwnErrors) {
  Error error(Error::Kind::unreachable, Error::Side::upstream, Error::Sent::no, "connection refused");
  error.set_retry_after(std::chrono::milliseconds(50));
  std::string out;
  append_fault(out, "\"a\"", error, "files");
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":"a","error":{"code":1001,"message":"server \"files\": connection refused; nothing was sent, so it is safe to try again","data":{"server":"files","reason":"unreachable","retryable":true,"sent":"no","retry_after_ms":50}}})");
}

TEST(Merge, Capabilities) {
  ServerFacts a;
  a.capabilities =
      R"({"tools":{"listChanged":true,"x":1.0},"logging":{},"tasks":{},"resources":{"subscribe":true}})";
  ServerFacts b;
  b.capabilities = R"({"tools":{"y":2},"experimental":{"z":{}}})";
  EXPECT_EQ(merge_capabilities({&a, &b}, kNewestOld),
            R"({"tools":{"listChanged":true},"logging":{},"resources":{"listChanged":true,"subscribe":true},)"
            R"("experimental":{"z":{}}})");
  EXPECT_EQ(merge_capabilities({}, kNewestOld), "{}");
}

// A name is its text, however a server writes it.
TEST(Merge, EscapedNamesAreTheNamesThatTheyStandFor) {
  ServerFacts a;
  a.capabilities = R"({"tools":{},"extensions":{"x":1}})";
  ServerFacts b;
  b.capabilities =
      R"({"t\u006fols":{"subscribe":true},"extensions":{"\u0078":2,"y":3},"subscr\u0069ptions":{}})";
  EXPECT_EQ(merge_capabilities({&a, &b}, kNewestOld),
            R"({"tools":{"listChanged":true,"subscribe":true},"extensions":{"x":1,"y":3}})");
}

TEST(Merge, TasksAreToldOfWithinTheirEra) {
  ServerFacts a;
  a.revision = Revision::v2025_11_25;
  a.capabilities = R"({"tasks":{"list":{},"requests":{"tools":{"call":{}}}},"extensions":{"x/y":{"a":1}}})";
  ServerFacts b;
  b.revision = Revision::v2025_11_25;
  b.capabilities = R"({"tasks":{"cancel":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}})";
  ServerFacts c;
  c.capabilities = R"({"tasks":{"z":{}},"extensions":{"x/y":{},"io.modelcontextprotocol/tasks":{}}})";
  EXPECT_EQ(
      merge_capabilities({&a, &b, &c}, Revision::v2025_11_25),
      R"({"tasks":{"list":{},"requests":{"tools":{"call":{}}},"cancel":{}},"extensions":{"x/y":{"a":1}}})");
  EXPECT_EQ(merge_capabilities({&a, &b, &c}, Revision::v2025_06_18), R"({"extensions":{"x/y":{"a":1}}})");
  EXPECT_EQ(merge_capabilities({&a, &b, &c}, Revision::v2026_07_28),
            R"({"extensions":{"x/y":{"a":1},"io.modelcontextprotocol/tasks":{}}})");
  EXPECT_EQ(merge_capabilities({&b}, Revision::v2026_07_28), "{}");
}

ListPage page(std::string_view result) {
  const std::string text = R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(result) + "}";
  auto read = read_list_page(*Message::index(Bytes::copy_of(text), JsonLimits(), Message::From::upstream),
                             ListKind::tools);
  EXPECT_TRUE(read);
  return std::move(*read);
}

TEST(Merge, PagesOfOneServer) {
  std::vector<ListPage> pages;
  pages.push_back(page(
      R"({"tools":[{"name":"a","inputSchema":{}}],"nextCursor":"2","x":1.0,"ttlMs":500,"cacheScope":"public"})"));
  EXPECT_EQ(pages[0].next_cursor, "2");
  pages.push_back(
      page(R"({"tools":[{"name":"b","inputSchema":{},"n":1e5}],"ttlMs":20,"cacheScope":"private"})"));
  EXPECT_EQ(
      join_pages(pages, ListKind::tools),
      R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{},"n":1e5}],"x":1.0,"ttlMs":20,"cacheScope":"private"}})");
}

TEST(Merge, NoCursorIsLeftWhereAllPagesAre) {
  std::vector<ListPage> pages;
  pages.push_back(page(R"({"tools":[{"name":"a","inputSchema":{}}],"next\u0043ursor":"2"})"));
  EXPECT_EQ(pages[0].next_cursor, "2");
  EXPECT_EQ(join_pages(pages, ListKind::tools),
            R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","inputSchema":{}}]}})");
}

TEST(Merge, WithheldEntriesAreCutOut) {
  // Which of four are withheld, by bits; the second page has one more, the third is empty.
  for (unsigned bits = 0; bits < 16; ++bits)
    for (const bool more : {false, true}) {
      std::vector<ListPage> pages;
      pages.push_back(page(
          R"({"y":2,"tools": [ {"name":"a","inputSchema":{}} ,7, {"name":"b","inputSchema":{}},{"name":"c","inputSchema":{}} ],"nextCursor":"2"})"));
      std::string kept;
      for (std::size_t i = 0, entry = 0; i < 4; ++i) {
        if (i == 1) continue;  // what is no tool is left out anyway
        const std::string_view raw = pages[0].entries[entry++].raw;
        if ((bits & 1U << i) != 0)
          pages[0].withheld.push_back(raw);
        else
          kept += (kept.empty() ? "" : ",") + std::string(raw);
      }
      if (more) {
        pages.push_back(page(R"({"tools":[{"name":"d","inputSchema":{}}]})"));
        pages.push_back(page(R"({"tools":[]})"));
        kept += (kept.empty() ? "" : ",") + std::string(R"({"name":"d","inputSchema":{}})");
      }
      std::string joined = join_pages(pages, ListKind::tools);
      std::erase(joined, ' ');
      EXPECT_EQ(joined, R"({"jsonrpc":"2.0","id":1,"result":{"y":2,"tools":[)" + kept + "]}}") << bits;
    }
  std::vector<ListPage> pages;
  pages.push_back(page(R"({"tools":[{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}}]})"));
  for (const ListEntry& entry : pages[0].entries) pages[0].withheld.push_back(entry.raw);
  pages.push_back(page(R"({"tools":[{"name":"d","inputSchema":{}}]})"));
  EXPECT_EQ(join_pages(pages, ListKind::tools),
            R"({"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"d","inputSchema":{}}]}})");
}

TEST(Merge, BrokenEntriesCostOnlyThemselves) {
  const ListPage read = page(
      R"({"tools":[{"name":"a","inputSchema":{}},7,{"name":5},{"x":1},{"name":""},{"name":"b","inputSchema":{}}]})");
  ASSERT_EQ(read.entries.size(), 2U);
  EXPECT_EQ(read.withheld.size(), 4U);
  EXPECT_EQ(read.faults.size(), 4U);
  std::string out;
  append_list_result(out, ListKind::tools, Revision::v2026_07_28,
                     {{&read.entries[0], "s__a"}, {&read.entries[1], "b"}}, 900, false,
                     partial_value({{"w", "unreachable"}}));
  EXPECT_EQ(
      out,
      R"({"resultType":"complete","tools":[{"name":"s__a","inputSchema":{}},{"name":"b","inputSchema":{}}],"ttlMs":0,"cacheScope":"private","_meta":{"weir/partial":{"missing":[{"server":"w","reason":"unreachable"}]}}})");
}

TEST(Merge, StaleServersAreNamedWithAgeAndReason) {
  EXPECT_EQ(partial_value({}), "");
  EXPECT_EQ(partial_value({}, {{"s", "12s", "unreachable"}, {"t", "1m", "deadline_exceeded"}}),
            R"({"missing":[],"stale":[{"server":"s","age":"12s","reason":"unreachable"},)"
            R"({"server":"t","age":"1m","reason":"deadline_exceeded"}]})");
  EXPECT_EQ(partial_value({{"w", "unreachable"}}, {{"s", "12s", "overloaded"}}),
            R"({"missing":[{"server":"w","reason":"unreachable"}],"stale":[{"server":"s","age":"12s",)"
            R"("reason":"overloaded"}]})");
}

TEST(Handshake, WhatServersSay) {
  auto facts = read_discover(
      R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"instructions":"hi","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->server_info, R"({"name":"s"})");
  EXPECT_TRUE(facts->has("tools"));
  EXPECT_FALSE(facts->has("prompts"));
  EXPECT_FALSE(read_discover(R"({"supportedVersions":["2030-01-01"]})"));
  facts = read_initialize(R"({"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{}})");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->revision, Revision::v2025_06_18);
  EXPECT_FALSE(read_initialize(R"({"protocolVersion":"1999-01-01"})"));
}

}  // namespace
}  // namespace weir
