// Balancing in storms. A failure prints its seed; WEIR_SEED=N runs that storm alone.
#include "sim/balancing_storm.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "sim/seeds.h"

namespace weir {
namespace {

sim::BalancingReport storm(std::uint64_t seed) {
  sim::BalancingStorm storm(seed);
  sim::BalancingReport report = storm.run();
  for (const std::string& violation : report.tally.violations)
    ADD_FAILURE() << "seed " << seed << ": " << violation;
  return report;
}

void add(sim::BalancingReport& all, const sim::BalancingReport& one) {
  all.tally.asked += one.tally.asked;
  all.tally.results += one.tally.results;
  all.tally.given_up += one.tally.given_up;
  all.calls_seen += one.calls_seen;
  all.stayed += one.stayed;
  all.recovery = std::max(all.recovery, one.recovery);
  all.sights.picks += one.sights.picks;
  all.sights.trials += one.sights.trials;
  all.sights.in_panic += one.sights.in_panic;
  all.sights.out += one.sights.out;
  all.sights.ejected += one.sights.ejected;
  all.sights.returned += one.sights.returned;
  all.sights.drained += one.sights.drained;
  all.sights.drained_busy += one.sights.drained_busy;
  for (const auto& [reason, times] : one.tally.reasons) all.tally.reasons[reason] += times;
  for (const auto& [what, times] : one.did) all.did[what] += times;
}

void print(const sim::BalancingReport& all) {
  std::printf("  %d asked, %d results, %d given up, %zu reached an endpoint, %zu had to stay\n",
              all.tally.asked, all.tally.results, all.tally.given_up, all.calls_seen, all.stayed);
  std::printf(
      "  %zu picks, %zu in panic, %zu trials; out %zu for probes, %zu for calls, back %zu, in %lld ms\n",
      all.sights.picks, all.sights.in_panic, all.sights.trials, all.sights.out, all.sights.ejected,
      all.sights.returned,
      static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(all.recovery).count()));
  std::printf("  %zu drained, %zu of them busy\n", all.sights.drained, all.sights.drained_busy);
  for (const auto& [reason, times] : all.tally.reasons) std::printf("  %6d %s\n", times, reason.c_str());
  for (const auto& [what, times] : all.did) std::printf("  %6d %s\n", times, what.c_str());
}

TEST(BalancingStorm, EveryCallGoesWhereItMayAndIsAnsweredOnce) {
  sim::BalancingReport all;
  for (const std::uint64_t seed : sim::seeds(20)) {
    add(all, storm(seed));
    if (HasFailure()) break;
  }
  print(all);
  if (std::getenv("WEIR_SEED") != nullptr || HasFailure()) return;
  // The storms are worth something only if they do what they are for.
  EXPECT_GT(all.tally.results, all.tally.asked / 2);
  EXPECT_GT(all.stayed, 50u);
  EXPECT_GE(all.sights.trials, 5u);
  EXPECT_GT(all.sights.in_panic, 10u);
  EXPECT_GT(all.sights.out, 20u);
  EXPECT_GT(all.sights.ejected, 10u);
  EXPECT_GT(all.sights.drained_busy, 3u);
  EXPECT_GE(all.did.size(), 18u);
}

TEST(BalancingStorm, TheSameSeedIsTheSameStorm) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const sim::BalancingReport first = storm(seed);
    const sim::BalancingReport second = storm(seed);
    EXPECT_EQ(first.ended, second.ended);
    EXPECT_EQ(first.did, second.did);
    EXPECT_EQ(first.tally.reasons, second.tally.reasons);
    EXPECT_EQ(first.sights.picks, second.sights.picks);
    EXPECT_EQ(first.sights.trials, second.sights.trials);
  }
}

}  // namespace
}  // namespace weir
