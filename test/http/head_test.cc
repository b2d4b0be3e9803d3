#include "http/head.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

struct Parsed {
  HeadState state;
  RequestHead head;
  HeadRefusal refusal;
};

Parsed request(std::string_view text, HeadLimits limits = {}) {
  Parsed parsed{};
  parsed.state = parse_request(text, limits, parsed.head, parsed.refusal);
  return parsed;
}

const std::string kUsual =
    "POST /mcp HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: x\r\nContent-Type: "
    "application/json\r\nACCEPT: application/json, "
    "text/event-stream\r\nMcp-Session-Id:abc\r\nmcp-param-Region: \t eu \r\nContent-Length: 12\r\n\r\n";

TEST(RequestHead, ReadsWhatTheGatewayNeeds) {
  const std::string text = kUsual + "hello";
  const Parsed parsed = request(text);
  ASSERT_EQ(parsed.state, HeadState::done) << parsed.refusal.reason;
  EXPECT_EQ(parsed.head.method, "POST");
  EXPECT_EQ(parsed.head.target, "/mcp");
  EXPECT_EQ(parsed.head.get(Field::host), "localhost:8080");
  EXPECT_EQ(parsed.head.get(Field::accept), "application/json, text/event-stream");
  EXPECT_EQ(parsed.head.get(Field::mcp_session_id), "abc");
  ASSERT_EQ(parsed.head.params().size(), 1U);
  EXPECT_EQ(parsed.head.params()[0].value, "eu");
  EXPECT_EQ(parsed.head.content_length(), 12u);
  EXPECT_EQ(parsed.head.size(), kUsual.size());
  EXPECT_TRUE(parsed.head.keep_alive());
  EXPECT_FALSE(parsed.head.has(Field::origin));
}

TEST(RequestHead, WaitsForTheWholeHead) {
  for (std::size_t size = 0; size < kUsual.size(); ++size)
    ASSERT_EQ(request(std::string_view(kUsual).substr(0, size)).state, HeadState::more) << size;
}

TEST(RequestHead, KnowsPersistence) {
  const auto keep = [](std::string_view version, std::string_view connection) {
    const Parsed parsed = request("GET / HTTP/" + std::string(version) +
                                  "\r\nHost: a\r\nConnection: " + std::string(connection) + "\r\n\r\n");
    EXPECT_EQ(parsed.state, HeadState::done);
    return parsed.head.keep_alive();
  };
  EXPECT_TRUE(keep("1.1", "upgrade"));
  EXPECT_FALSE(keep("1.1", "foo , Close"));
  EXPECT_FALSE(keep("1.0", "x"));
  EXPECT_TRUE(keep("1.0", "Keep-Alive"));
}

struct Refused {
  const char* text;
  int status;
};

TEST(RequestHead, RefusesWhatCanBeReadInTwoWays) {
  const Refused cases[] = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nOrigin: b\r\nOrigin: c\r\n\r\n", 403},
      {"POST / HTTP/1.1\r\nHost: a\r\nMcp-Method: x\r\nmcp-method: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nMcp-Param-A: x\r\nMcp-Param-a: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nX\x80: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400},
      {"POST  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"POST /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"POST / x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"P@ST / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\n", 400},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/11\r\nHost: a\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
  };
  for (const Refused& refused : cases) {
    const Parsed parsed = request(refused.text);
    EXPECT_EQ(parsed.state, HeadState::refused) << refused.text;
    EXPECT_EQ(parsed.refusal.status, refused.status) << refused.text;
    EXPECT_FALSE(parsed.refusal.reason.empty());
  }
  EXPECT_EQ(request(std::string_view("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30)).state, HeadState::refused);
}

TEST(RequestHead, KeepsItsBounds) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(request("GET /" + std::string(9000, 'x')).refusal.status, 414);
  EXPECT_EQ(request("GET /" + std::string(8192, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n").refusal.status, 414);
  EXPECT_EQ(request("GET /" + std::string(8191, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n").state,
            HeadState::done);
  EXPECT_EQ(request(begin + "X: " + std::string(33000, 'x')).refusal.status, 431);
  std::string many = begin;
  for (int i = 0; i < 99; ++i) many += "X: y\r\n";
  EXPECT_EQ(request(many + "\r\n").state, HeadState::done);
  EXPECT_EQ(request(many + "X: y\r\n\r\n").refusal.status, 431);
}

TEST(ResponseHead, ReadsAndRefuses) {
  ResponseHead head;
  HeadRefusal refusal;
  EXPECT_EQ(parse_response(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                HeadLimits{}, head, refusal),
            HeadState::done);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.chunked());
  ResponseHead bare;
  EXPECT_EQ(parse_response("HTTP/1.1 204\r\n\r\n", HeadLimits{}, bare, refusal), HeadState::done);
  EXPECT_EQ(bare.content_length(), 0u);
  for (const char* bad : {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
                          "HTTP/1.1 099 x\r\n\r\n", "garbage\r\n\r\n", "HTTP/1.1 200 OK\nX: y\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    ResponseHead other;
    EXPECT_EQ(parse_response(bad, HeadLimits{}, other, refusal), HeadState::refused) << bad;
    EXPECT_EQ(refusal.status, 502) << bad;
  }
  // The phrase, too, is text: whoever shows it shows no more than that.
  for (const std::string_view phrase : {std::string_view("O\0K", 3), std::string_view("O\rK"),
                                        std::string_view("\x1b[m"), std::string_view("\x7f")}) {
    const std::string text = "HTTP/1.1 200 " + std::string(phrase) + "\r\n\r\n";
    ResponseHead other;
    EXPECT_EQ(parse_response(text, HeadLimits{}, other, refusal), HeadState::refused) << phrase;
    EXPECT_EQ(refusal.status, 502) << phrase;
  }
  ResponseHead wide;
  EXPECT_EQ(parse_response("HTTP/1.1 200 \tGr\xFC\xDF Gott\r\n\r\n", HeadLimits{}, wide, refusal),
            HeadState::done);
}

}  // namespace
}  // namespace weir
