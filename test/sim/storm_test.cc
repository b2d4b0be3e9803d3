// The gateway in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/storm.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "sim/seeds.h"

namespace weir {
namespace {

sim::StormReport storm(std::uint64_t seed, const sim::Storm::Options& options) {
  sim::Storm storm(seed, options);
  sim::StormReport report = storm.run();
  for (const std::string& violation : report.tally.violations)
    ADD_FAILURE() << "seed " << seed << ": " << violation;
  return report;
}

void print(const sim::StormReport& all) {
  std::printf("  %d asked, %d results, %d given up, %d garbage, %d progress, %zu reached a server\n",
              all.tally.asked, all.tally.results, all.tally.given_up, all.tally.garbage, all.tally.progress,
              all.calls_seen);
  for (const auto& [reason, times] : all.tally.reasons) std::printf("  %6d %s\n", times, reason.c_str());
  for (const auto& [act, times] : all.acts) std::printf("  %6d %s\n", times, act.c_str());
}

void add(sim::StormReport& all, const sim::StormReport& one) {
  all.tally.asked += one.tally.asked;
  all.tally.results += one.tally.results;
  all.tally.given_up += one.tally.given_up;
  all.tally.garbage += one.tally.garbage;
  all.tally.progress += one.tally.progress;
  all.calls_seen += one.calls_seen;
  for (const auto& [reason, times] : one.tally.reasons) all.tally.reasons[reason] += times;
  for (const auto& [act, times] : one.acts) all.acts[act] += times;
}

sim::StormReport storms(std::uint64_t count, const sim::Storm::Options& options) {
  sim::StormReport all;
  for (const std::uint64_t seed : sim::seeds(count)) {
    add(all, storm(seed, options));
    if (testing::Test::HasFailure()) break;
  }
  print(all);
  return all;
}

TEST(Storm, EveryCallGetsItsOwnAnswerOnceAndInTime) {
  const sim::StormReport all = storms(50, sim::Storm::Options());
  if (std::getenv("WEIR_SEED") != nullptr) return;
  // The storms are worth something only if they do what they are for.
  EXPECT_GT(all.tally.results, all.tally.asked / 3);
  EXPECT_GT(all.tally.progress, 500);
  EXPECT_GE(all.acts.size(), 20u);
  for (const char* reason : {"cancelled", "deadline_exceeded", "outcome_unknown", "overloaded", "unreachable",
                             "upstream_protocol", "needs_authorization"})
    EXPECT_GT(all.tally.reasons.count('"' + std::string(reason) + '"'), 0u) << reason;
}

TEST(Storm, ClosingInTheMiddleLeavesNothing) {
  sim::Storm::Options options;
  options.abrupt = true;
  storms(50, options);
}

TEST(Storm, TheSameSeedIsTheSameStorm) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const sim::StormReport first = storm(seed, sim::Storm::Options());
    const sim::StormReport second = storm(seed, sim::Storm::Options());
    EXPECT_EQ(first.ended, second.ended);
    EXPECT_EQ(first.requests, second.requests);
    EXPECT_EQ(first.acts, second.acts);
    EXPECT_EQ(first.tally.reasons, second.tally.reasons);
  }
}

}  // namespace
}  // namespace weir
