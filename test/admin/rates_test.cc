#include "admin/rates.h"

#include <gtest/gtest.h>

#include <array>

#include "admin/tallies.h"

namespace weir {
namespace {

using std::chrono::seconds;

constexpr std::array<double, 3> kBounds = {0.001, 0.01, 0.1};

TEST(Rates, APercentileLiesBetweenTheBoundsOfItsBucket) {
  const std::array<std::uint64_t, 4> counts = {50, 40, 10, 0};
  EXPECT_DOUBLE_EQ(percentile(counts, kBounds, 0.5), 0.001);
  EXPECT_DOUBLE_EQ(percentile(counts, kBounds, 0.25), 0.0005);
  EXPECT_DOUBLE_EQ(percentile(counts, kBounds, 0.7), 0.001 + 0.009 / 2);
  EXPECT_DOUBLE_EQ(percentile(counts, kBounds, 1.0), 0.1);
}

TEST(Rates, APercentileOfNothingIsNoneAndBeyondTheLastBoundIsThat) {
  const std::array<std::uint64_t, 4> nothing{};
  EXPECT_LT(percentile(nothing, kBounds, 0.5), 0);
  const std::array<std::uint64_t, 4> late = {0, 0, 0, 7};
  EXPECT_DOUBLE_EQ(percentile(late, kBounds, 0.5), 0.1);
}

std::string shown(const TallyWindow& window) {
  std::string out;
  window.append(out, kBounds, {});
  return out;
}

TEST(Rates, OneTallySaysNothing) {
  TallyWindow window;
  window.add(TimePoint(seconds(1)), Tally());
  EXPECT_EQ(shown(window), "");
}

TEST(Rates, AreWhatWasAddedInTheWindow) {
  TallyWindow window;
  Tally tally;
  tally.requests = 100;
  tally.retries["ok"] = 5;
  tally.took[1] = 100;
  window.add(TimePoint(seconds(1)), tally);
  tally.requests = 130;
  tally.errors = 3;
  tally.retries["ok"] = 9;
  tally.retries["budget"] = 0;
  tally.took[0] = 30;
  window.add(TimePoint(seconds(3)), tally);
  EXPECT_EQ(shown(window),
            R"(,"rates":{"requests":15,"errors":1.5,"retries":{"ok":2}},"latency":{"p50":0.5,"p99":0.99})");
}

TEST(Rates, ForgetWhatIsOlderThanTheWindow) {
  TallyWindow window;
  Tally tally;
  for (std::size_t i = 0; i < TallyWindow::kKept + 5; ++i) {
    tally.requests = i == 0 ? 0 : 1000;  // all in the first second
    window.add(TimePoint(seconds(i)), tally);
  }
  EXPECT_EQ(shown(window), R"(,"rates":{"requests":0,"errors":0})");
}

TEST(Rates, ACounterThatBeganAnewIsNoHugeRate) {
  TallyWindow window;
  Tally tally;
  tally.requests = 1000;
  window.add(TimePoint(seconds(0)), tally);
  tally.requests = 4;
  window.add(TimePoint(seconds(2)), tally);
  EXPECT_EQ(shown(window), R"(,"rates":{"requests":2,"errors":0})");
}

TEST(Tallies, AreReadByServerAndAsAWhole) {
  Metrics metrics(2);
  const std::string_view good[] = {"tools/call", "a", "ok"};
  const std::string_view bad[] = {"tools/call", "b", "unreachable"};
  const std::string_view theirs[] = {"tools/call", "a", "tool_error"};
  metrics.add(0, Family::requests, good, 3);
  metrics.add(1, Family::requests, good, 4);
  metrics.add(0, Family::requests, bad, 2);
  metrics.add(0, Family::requests, theirs, 1);
  const std::string_view call[] = {"tools/call", "a"};
  const std::string_view listening[] = {"subscriptions/listen", "a"};
  metrics.observe(0, Family::request_duration, call, 700'000);
  metrics.observe(1, Family::request_duration, call, 400'000'000'000);
  metrics.observe(0, Family::request_duration, listening, 700'000);
  metrics.observe(0, Family::overhead, {}, 50'000);
  ReadFamily retries;
  retries.name = "weir_retries";
  retries.samples = {{R"(server="a",outcome="ok")", 5}, {R"(server="b",outcome="ok")", 2}};
  ReadFamily rejected;
  ReadFamily fallbacks;
  fallbacks.name = "weir_fallbacks";
  fallbacks.samples = {{R"(server="a",outcome="failed")", 3}};
  rejected.name = "weir_rejected";
  rejected.samples = {{R"(server="",reason="bad_answer")", 4}, {R"(server="b",reason="queue_full")", 6}};
  Tallies tallies = read_tallies(metrics, {retries, rejected, fallbacks});
  EXPECT_EQ(tallies["a"].requests, 8u);
  EXPECT_EQ(tallies["a"].errors, 0u);
  EXPECT_EQ(tallies["b"].errors, 2u);
  EXPECT_EQ(tallies[""].requests, 10u);
  EXPECT_EQ(tallies["a"].took[1], 1u);   // up to 1 ms
  EXPECT_EQ(tallies["a"].took[14], 1u);  // longer than all bounds
  EXPECT_EQ(tallies[""].overhead[0], 1u);
  EXPECT_EQ(tallies[""].retries["ok"], 7u);
  EXPECT_EQ(tallies["a"].fallbacks["failed"], 3u);
  EXPECT_EQ(tallies["b"].rejected["queue_full"], 6u);
  EXPECT_EQ(tallies["b"].rejected.count("bad_answer"), 0u);
  EXPECT_EQ(tallies[""].rejected["bad_answer"], 4u);
}

TEST(Tallies, RulesThatActAreNamed) {
  ReadFamily acting;
  acting.name = "weir_degradation_active";
  EXPECT_EQ(acting_rules({acting}), "[]");
  acting.samples = {
      {R"(rule="a\"b",server="a")", 1}, {R"(rule="calm",server="")", 1}, {R"(rule="off",server="")", 0}};
  EXPECT_EQ(acting_rules({acting}), R"([{"rule":"a\"b","server":"a"},{"rule":"calm","server":""}])");
}

TEST(Tallies, LabelsAreFoundWhateverTheirNeighboursHold) {
  EXPECT_EQ(label_of(R"(a="x\",b=\"y",b="z")", "b"), "z");
  EXPECT_EQ(label_of(R"(a="x",b="")", "b"), "");
  EXPECT_EQ(label_of(R"(ab="x")", "b"), "");
  EXPECT_EQ(label_of("", "b"), "");
}

}  // namespace
}  // namespace weir
