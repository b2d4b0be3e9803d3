#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace weir {
namespace {

using std::chrono::milliseconds;

TEST(Units, ReadsDurations) {
  const struct {
    std::string_view text;
    std::int64_t expected;
  } good[] = {{"100ms", 100},    {"30s", 30'000}, {"5m", 300'000},
              {"2h", 7'200'000}, {"0s", 0},       {"007s", 7'000}};
  for (const auto& c : good) EXPECT_EQ(parse_duration(c.text), milliseconds(c.expected)) << c.text;
  for (std::string_view bad :
       {"", "5", "s", "ms", "-5s", "+5s", "5 s", " 5s", "5s ", "1.5s", "5S", "5d", "1m30s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(parse_duration("9223372036854775807ms"), milliseconds::max());
  EXPECT_EQ(parse_duration("99999999999999999999999h"), milliseconds::max());
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(parse_size("0B"), 0u);
  EXPECT_EQ(parse_size("512B"), 512u);
  EXPECT_EQ(parse_size("32KB"), 32u * 1024);
  EXPECT_EQ(parse_size("4MB"), 4u * 1024 * 1024);
  EXPECT_EQ(parse_size("1GB"), 1024u * 1024 * 1024);
  EXPECT_EQ(parse_size("99999999999999GB"), std::numeric_limits<std::size_t>::max());
  for (std::string_view bad : {"", "4", "MB", "4mb", "4 MB", "-4MB", "4MiB", "4M", "0x4MB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, ReadsShares) {
  EXPECT_DOUBLE_EQ(parse_share("20%").value(), 0.2);
  EXPECT_DOUBLE_EQ(parse_share("0.2").value(), 0.2);
  EXPECT_DOUBLE_EQ(parse_share("12.5%").value(), 0.125);
  EXPECT_DOUBLE_EQ(parse_share("0").value(), 0);
  EXPECT_DOUBLE_EQ(parse_share("150%").value(), 1.5);
  for (std::string_view bad :
       {"", "%", ".5", "5.", "-1%", "1e3", "1,5", "0.2 %", "9999999999", "0.1234567890"})
    EXPECT_FALSE(parse_share(bad)) << bad;
}

TEST(Units, WritesSharesThatReadBackToTheSame) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"20%", "20%"},
                                                                 {"0.2", "20%"},
                                                                 {"0", "0%"},
                                                                 {"1", "100%"},
                                                                 {"33.3%", "33.3%"},
                                                                 {"0.333", "33.3%"},
                                                                 {"12.5%", "12.5%"},
                                                                 {"0.07", "7%"},
                                                                 {"0.29", "29%"},
                                                                 {"0.58", "58%"},
                                                                 {"0.000000001", "0.0000001%"},
                                                                 {"0.123456789", "12.3456789%"},
                                                                 {"99.999999999%", "99.999999999%"}};
  for (const auto& [text, expected] : cases) {
    const double value = parse_share(text).value();
    EXPECT_EQ(format_share(value), expected);
    EXPECT_EQ(parse_share(format_share(value)), value) << text;
  }
  for (int i = 0; i < 10'000; ++i) {
    const double value = parse_share("0." + std::to_string(10'000 + i).substr(1)).value();
    EXPECT_EQ(parse_share(format_share(value)), value) << i;
  }
}

TEST(Units, WritesDecimals) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"1.25", "1.25"}, {"0", "0"}, {"10", "10"}, {"1.000000001", "1.000000001"}, {"2.50", "2.5"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(format_decimal(parse_share(text).value()), expected);
    EXPECT_EQ(parse_share(format_decimal(parse_share(text).value())), parse_share(text)) << text;
  }
}

TEST(Units, CountsSaturate) {
  EXPECT_EQ(parse_count("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_count("18446744073709551616"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_count("184467440737095516150"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(parse_count("1_000"));
}

TEST(Units, FormatsToTheShortestFormThatReadsBack) {
  const std::pair<std::int64_t, std::string_view> durations[] = {
      {0, "0s"},       {1, "1ms"},         {1500, "1500ms"}, {90'000, "90s"},
      {300'000, "5m"}, {5'400'000, "90m"}, {7'200'000, "2h"}};
  for (const auto& [value, text] : durations) {
    EXPECT_EQ(format_duration(milliseconds(value)), text);
    EXPECT_EQ(parse_duration(text), milliseconds(value));
  }
  for (std::size_t value :
       {std::size_t{0}, std::size_t{1000}, std::size_t{1024}, std::size_t{4} << 20, std::size_t{3} << 30})
    EXPECT_EQ(parse_size(format_size(value)), value);
  EXPECT_EQ(format_size(std::size_t{4} << 20), "4MB");
  EXPECT_EQ(format_size(1000), "1000B");
}

}  // namespace
}  // namespace weir
