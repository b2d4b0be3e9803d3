#include "obs/trace.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace weir {
namespace {

constexpr std::string_view kGood = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

RandomBits bits(std::uint64_t seed) {
  return [random = Random(seed)]() mutable { return random.next(); };
}

std::string formatted(const SpanIds& ids) {
  std::string out;
  append_traceparent(out, ids);
  return out;
}

TEST(Trace, ParsesTheStandardsExample) {
  const auto ids = parse_traceparent(kGood);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->trace_high, 0x4bf92f3577b34da6u);
  EXPECT_EQ(ids->trace_low, 0xa3ce929d0e0e4736u);
  EXPECT_EQ(ids->span, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(ids->sampled);
  EXPECT_FALSE(ids->random_trace);
  EXPECT_EQ(formatted(*ids), kGood);
}

TEST(Trace, AcceptsAndRefusesByTheLetter) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736", span = "00f067aa0ba902b7", zeros(32, '0');
  const struct {
    std::string text;
    bool good;
  } cases[] = {
      {"00-" + trace + "-" + span + "-00", true},
      {"00-" + trace + "-" + span + "-ff", true},
      {"00-" + std::string(31, '0') + "1-" + span + "-01", true},
      {"cc-" + trace + "-" + span + "-01", true},
      {"cc-" + trace + "-" + span + "-01-what-comes", true},
      {"cc-" + trace + "-" + span + "-01.what-comes", false},
      {"ff-" + trace + "-" + span + "-01", false},
      {"00-" + trace + "-" + span + "-01-", false},
      {"00-" + trace + "-" + span + "-01 ", false},
      {" 00-" + trace + "-" + span + "-01", false},
      {"00-" + trace + "-" + span + "-1", false},
      {"00-" + trace + "-" + span + "-0g", false},
      {"0-" + trace + "-" + span + "-010", false},
      {"00-" + zeros + "-" + span + "-01", false},
      {"00-" + trace + "-" + zeros.substr(0, 16) + "-01", false},
      {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01", false},
      {"00-" + trace + "_" + span + "-01", false},
      {"00_" + trace + "-" + span + "-01", false},
      {"00-" + trace + "-" + span + "_01", false},
      {"", false},
      {"00", false},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_traceparent(c.text).has_value(), c.good) << c.text;
}

TEST(Trace, EveryFormattedIdParsesBack) {
  const RandomBits random = bits(11);
  for (int i = 0; i < 1000; ++i) {
    const SpanIds root = new_trace(random, i % 2 == 0);
    ASSERT_TRUE(root.valid());
    EXPECT_EQ(parse_traceparent(formatted(root)), root);
    const SpanIds child = child_of(root, random);
    EXPECT_NE(child.span, root.span);
    EXPECT_EQ(child.trace_high, root.trace_high);
    EXPECT_EQ(child.trace_low, root.trace_low);
    EXPECT_EQ(child.sampled, root.sampled);
    EXPECT_EQ(parse_traceparent(formatted(child)), child);
  }
}

TEST(Trace, ARandomSourceOfZerosStillGivesIds) {
  EXPECT_TRUE(new_trace([] { return std::uint64_t{0}; }, true).valid());
  EXPECT_FALSE(SpanIds{}.valid());
}

TEST(Trace, UnknownFlagsAreNotSentOn) {
  const auto ids = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff");
  ASSERT_TRUE(ids);
  EXPECT_EQ(formatted(*ids).substr(52), "-03");
}

TEST(Trace, TracestateByTheLetter) {
  const std::string long_key(256, 'k'), long_value(256, 'v');
  const struct {
    std::string text;
    std::optional<std::string> expected;
  } cases[] = {
      {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
      {" a=1 ,\t b=2,,", "a=1,b=2"},
      {"a= 1", "a= 1"},
      {"1t@sys=x,a*/_-9=y", "1t@sys=x,a*/_-9=y"},
      {"", ""},
      {"a=1,a=2", std::nullopt},
      {"A=1", std::nullopt},
      {"1a=1", std::nullopt},
      {"a", std::nullopt},
      {"a=", std::nullopt},
      {"=1", std::nullopt},
      {"a =1", std::nullopt},
      {"a=1=2", std::nullopt},
      {"a=\x01", std::nullopt},
      {"a=\xc3\xa4", std::nullopt},
      {"t@=1", std::nullopt},
      {"@s=1", std::nullopt},
      {"t@s@u=1", std::nullopt},
      {"t@abcdefghijklmno=1", std::nullopt},
      {long_key + "k=1", std::nullopt},
      {"a=" + long_value + "v", std::nullopt},
      {"a=" + long_value, "a=" + long_value},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_tracestate(c.text), c.expected) << c.text;
}

TEST(Trace, TracestateIsBounded) {
  std::string many;
  for (int i = 0; i < 32; ++i) many += "k" + std::to_string(i) + "=v,";
  EXPECT_TRUE(parse_tracestate(many));
  EXPECT_FALSE(parse_tracestate(many + "one=more"));

  std::string wide = "big=" + std::string(200, 'x');
  for (int i = 10; i < 20; ++i) wide += ",k" + std::to_string(i) + "=" + std::string(60, 'y');
  const auto cut = parse_tracestate(wide);
  ASSERT_TRUE(cut);
  EXPECT_LE(cut->size(), 512u);
  EXPECT_EQ(cut->find("big="), std::string::npos);
  EXPECT_EQ(cut->substr(0, 4), "k10=");
  EXPECT_EQ(cut->size(), 7 * 64 + 6u);
}

}  // namespace
}  // namespace weir
