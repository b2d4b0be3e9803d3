#include "mcp/result_scan.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"

namespace weir {
namespace {

// How many bytes are the result's, fed in parts of `step`; npos: refused.
std::size_t scanned(const std::string& text, std::size_t step) {
  ResultScan scan;
  std::size_t all = 0;
  for (std::size_t at = 0; at < text.size() && !scan.ended(); at += step) {
    const std::size_t size = scan.feed(std::string_view(text).substr(at, step));
    if (size == ResultScan::npos) return size;
    all += size;
  }
  return scan.ended() ? all : 0;
}

TEST(ResultScan, EndsWithItsLastBrace) {
  for (const std::string result :
       {R"({})", R"({"a":[1,{"b":"}]\\\"{"},"\\"]})", R"({"ä":"ö€😀","b":[[],{}]})", "{ \"a\" :\n[ ] }",
        R"({"a":"\u00e4\\"})"}) {
    const std::string behind = R"(,"id":7,"jsonrpc":"2.0"})";
    for (std::size_t step = 1; step <= result.size() + behind.size(); ++step) {
      EXPECT_EQ(scanned(result + behind, step), result.size()) << result << ' ' << step;
      EXPECT_EQ(scanned(result.substr(0, result.size() - 1), step), 0U) << result;
    }
  }
}

TEST(ResultScan, RefusesWhatHasNoPlace) {
  const std::string deep = "{\"a\":" + std::string(127, '[') + std::string(127, ']') + "}";
  const std::string deeper = "{\"a\":" + std::string(128, '[') + std::string(128, ']') + "}";
  for (std::size_t step : {1U, 3U, 1000U}) {
    EXPECT_EQ(scanned(deep, step), deep.size());
    EXPECT_EQ(scanned(deeper, step), ResultScan::npos);
  }
  for (const std::string bad :
       {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x82", "\xF5\x80\x80\x80", "\x80", "\xF0\x8F\xBF\xBF"})
    for (std::size_t step : {1U, 2U, 100U}) {
      EXPECT_EQ(scanned("{\"a\":\"" + bad + "\"}", step), ResultScan::npos) << bad;
      EXPECT_EQ(scanned("{\"a\":" + bad + "}", step), ResultScan::npos) << bad;
    }
  EXPECT_EQ(scanned("{\"a\":\"\x01\"}", 100), ResultScan::npos);
  EXPECT_EQ(scanned("{\"a\":\"\n\"}", 100), ResultScan::npos);
}

// Whatever is whole JSON ends where the other reader says, wherever it is cut.
TEST(ResultScan, AgreesWithTheReaderThatReadsAll) {
  std::uint64_t state = 88172645463325252U;
  const auto draw = [&state](std::size_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return static_cast<std::size_t>(state % below);
  };
  const std::string pieces[] = {"{", "}", "[", "]",        "\"",           "\\",   ":",
                                ",", "a", "1", "\xC3\xA4", "\xE2\x82\xAC", "\\\"", " "};
  int whole = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = "{";
    for (std::size_t i = draw(14); i-- != 0;) text += pieces[draw(std::size(pieces))];
    JsonCursor cursor(text, JsonLimits(), false);
    const std::string_view value = cursor.take_value();
    if (value.empty()) continue;
    ++whole;
    ASSERT_EQ(scanned(text, 1 + draw(8)), value.size()) << text;
  }
  EXPECT_GT(whole, 1000);
}

}  // namespace
}  // namespace weir
